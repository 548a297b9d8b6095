/**
 * What is known of a flow's packets while its actions are translated: which protocols they have, and where these begin.
 *
 * The program reads no packet with a tag among its bytes: a tag that came with the packet lies beside it. A tag that is pushed over one
 * moves the latter into the bytes, and all headers behind it; one that is popped moves it back.
 */
import { ETH_TYPE, FIELDS, type FieldName, getField, VLAN_PRESENT } from "@tenet/net";

/** Without tags. */
export const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;

/** The packets of one flow, after the actions so far. */
export class FrameLayout {
  readonly #key: Uint32Array;
  readonly #mask: Uint32Array;
  /** `undefined`: not known. */
  #isTagged: boolean | undefined;
  #nTagsInside: number | undefined = 0;
  /** Of a header that has come to light or was put in front, of which the flow tells nothing. */
  #newNetworkType: number | undefined;

  /** @param key - of the flow, under `mask` */
  constructor(key: Uint32Array, mask: Uint32Array) {
    this.#key = key;
    this.#mask = mask;
    const isKnown = (getField(mask, FIELDS.vlan_tci) & VLAN_PRESENT) !== 0;
    this.#isTagged = isKnown ? (getField(key, FIELDS.vlan_tci) & VLAN_PRESENT) !== 0 : undefined;
  }

  /** The same packets, of which a copy may be changed in another way. */
  copy(): FrameLayout {
    const copy = new FrameLayout(this.#key, this.#mask);
    copy.#isTagged = this.#isTagged;
    copy.#nTagsInside = this.#nTagsInside;
    copy.#newNetworkType = this.#newNetworkType;
    return copy;
  }

  /** What all packets have in a field of at most 16 bits; `undefined` when they may differ. */
  known(name: FieldName): number | undefined {
    const field = FIELDS[name];
    return getField(this.#mask, field) === 2 ** field.nBits - 1 ? getField(this.#key, field) : undefined;
  }

  /** Where the header behind Ethernet and the tags begins; `undefined` when packets may differ. */
  get networkAt(): number | undefined {
    return this.#nTagsInside === undefined ? undefined : ETHERNET_BYTES + TAG_BYTES * this.#nTagsInside;
  }

  /**
   * The Ethernet type of the header behind Ethernet and the tags; `undefined` when packets may differ, also since they have another tag among
   * their bytes, and behind it headers that the flow tells nothing of.
   */
  get networkType(): number | undefined {
    const type = this.#newNetworkType ?? this.known("eth_type");
    return type === undefined || isTag(type) ? undefined : type;
  }

  /** Whether the program has read that header as the packet came in. */
  get isNetworkRead(): boolean {
    return this.#newNetworkType === undefined;
  }

  /** Another header is behind Ethernet and the tags. */
  replaceNetwork(ethType: number): void {
    this.#newNetworkType = ethType;
  }

  /** A tag is pushed. */
  pushTag(): void {
    if (this.#isTagged === undefined) this.#nTagsInside = undefined;
    else if (this.#isTagged && this.#nTagsInside !== undefined) this.#nTagsInside++;
    this.#isTagged = true;
  }

  /** A tag is popped, if there is one. */
  popTag(): void {
    if (this.#nTagsInside === 0) this.#isTagged = false;
    else if (this.#nTagsInside !== undefined) this.#nTagsInside--;
  }
}

/** Whether a tag has this Ethernet type. */
export function isTag(type: number): boolean {
  return type === ETH_TYPE.vlan || type === ETH_TYPE.qinq;
}

/** Whether a label has this Ethernet type. */
export function isMpls(type: number): boolean {
  return type === ETH_TYPE.mpls || type === ETH_TYPE.mplsMulticast;
}
