/**
 * A heap whose members know their places, so that any of them may leave or get another key at the cost of the first.
 *
 * It lies in pieces: no list of it is ever copied whole as it grows.
 */
import { LongList } from "@tenet/classifier";

/** A member; its place is the heap's own, and anything while it is in none. */
export interface Placed {
  place: number;
}

/** Members by keys, the least first. */
export class KeyedHeap<T extends Placed> {
  readonly #members = new LongList<T>();
  readonly #keys = new LongList<number>();

  get size(): number {
    return this.#members.length;
  }

  /** The member with the least key. */
  get first(): T | undefined {
    return this.#members.get(0);
  }

  /** The key of a place. */
  keyAt(place: number): number {
    return this.#keys.get(place) as number;
  }

  has(member: T): boolean {
    return this.#members.get(member.place) === member;
  }

  /** Takes a member in, or gives it another key. */
  set(member: T, key: number): void {
    if (!this.has(member)) {
      member.place = this.size;
      this.#members.push(member);
      this.#keys.push(key);
    }
    this.#settle(member.place, member, key);
  }

  /** Takes a member out, if it is here. */
  delete(member: T): void {
    if (!this.has(member)) return;
    const { place } = member;
    const last = this.#members.pop() as T;
    const lastKey = this.#keys.pop() as number;
    if (last !== member) this.#settle(place, last, lastKey);
  }

  /** Puts a member where its key belongs, from a place that is free. */
  #settle(place: number, member: T, key: number): void {
    let at = place;
    for (let above = (at - 1) >> 1; at > 0 && key < this.keyAt(above); above = (at - 1) >> 1) {
      this.#move(above, at);
      at = above;
    }
    for (let below = this.#lesserBelow(at); below < this.size && this.keyAt(below) < key; below = this.#lesserBelow(at)) {
      this.#move(below, at);
      at = below;
    }
    this.#put(at, member, key);
  }

  /** The place below that has the lesser key; beyond the end when there is none. */
  #lesserBelow(place: number): number {
    const left = 2 * place + 1;
    return left + 1 < this.size && this.keyAt(left + 1) < this.keyAt(left) ? left + 1 : left;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#members.get(from) as T, this.keyAt(from));
  }

  #put(place: number, member: T, key: number): void {
    this.#members.set(place, member);
    this.#keys.set(place, key);
    member.place = place;
  }
}
