/**
 * Routes that outer packets take: the host's, and those that a user adds, which count more than the host's of nearly the
 * same length.
 *
 * What: the host is asked when a route is needed; none of its routes are kept, so it may have a million of them.
 * Precedence is the original's: a user's route beats the host's to networks less than 32 bits narrower, and nothing beats a
 * route to the host itself.
 */
import type { HostNetwork, HostRoute } from "./host-network.ts";
import { isMapped, isSamePrefix, type TunnelAddress } from "./tunnel-config.ts";

const USER_BONUS = 32;
const LOCAL_BONUS = 64;

/** A route that a user added; packets take it whose mark is `mark`. */
export interface UserRoute extends HostRoute {
  readonly mark: number;
  readonly source: TunnelAddress;
}

/** Of several routes that lead to an address, the one of the highest rank is taken. */
export function rankOf({ length, isLocal }: Pick<HostRoute, "length" | "isLocal">, isUser: boolean): number {
  return length + (isUser ? USER_BONUS : isLocal ? LOCAL_BONUS : 0);
}

/** All routes. */
export class RouteTable {
  readonly #host: HostNetwork;
  #userRoutes: readonly UserRoute[] = [];

  constructor(host: HostNetwork) {
    this.#host = host;
  }

  /** Those that were added, and not taken away. */
  get userRoutes(): readonly UserRoute[] {
    return this.#userRoutes;
  }

  /** Adds a route in the place of one to the same network. */
  add(route: UserRoute): void {
    this.remove(route);
    this.#userRoutes = [...this.#userRoutes, route];
  }

  /** Takes a route away. @returns whether it was there */
  remove({ destination, length, mark }: Pick<UserRoute, "destination" | "length" | "mark">): boolean {
    const others = this.#userRoutes.filter(
      (other) => other.length !== length || other.mark !== mark || !isSamePrefix(other.destination, destination, length),
    );
    const wasThere = others.length < this.#userRoutes.length;
    this.#userRoutes = others;
    return wasThere;
  }

  /** The route to an address; `undefined` when there is none. The host's routes are for packets without a mark. */
  lookup(to: TunnelAddress, mark: number): HostRoute | undefined {
    let best: UserRoute | undefined;
    for (const route of this.#userRoutes) {
      if (route.mark !== mark || !isIn(route, to)) continue;
      if (best === undefined || route.length > best.length) best = route;
    }
    const host = mark === 0 ? this.#host.route(to) : undefined;
    if (best === undefined || host === undefined) return best ?? host;
    const length = host.isLocal ? host.length : this.#host.routeLength(to);
    return rankOf(best, true) > rankOf({ ...host, length }, false) ? best : host;
  }

  /** The host's routes that tell where packets start from, as `ovs/route/show` shows them. */
  hostRoutes(): readonly HostRoute[] {
    return this.#host.routes();
  }
}

/** Whether an address is in a route's network; an IPv6 default route is for IPv6 alone. */
function isIn({ destination, length }: UserRoute, to: TunnelAddress): boolean {
  return isMapped(destination) === isMapped(to) && isSamePrefix(destination, to, length);
}
