/** To ask a gateway for a period again: what is filled in, what is missing, what is sent. */

import { MINUTE_MS, minuteName, timeNamed } from './day';
import type { Key } from './words';

/** What a person filled in. */
export interface Offer {
  gateway: string;
  /** As fields for a time have it, in China's time. */
  from: string;
  until: string;
  by: string;
  comment: string;
}

/** What the server takes; see its OpenAPI document. */
export interface OfferDeed {
  deed: 'offer_again';
  gateway: string;
  from: number;
  until: number;
}

/** A form for a period; fields have whole minutes, so it ends on the next one. */
export function blankOffer(gateway: string, from: number, until: number, by: string): Offer {
  const end = Math.ceil(until / MINUTE_MS) * MINUTE_MS;
  return { gateway, from: minuteName(from), until: minuteName(end), by, comment: '' };
}

/** The first thing that is missing; null when it can be sent. */
export function missingOf({ from, until, by, comment }: Offer, now: number): Key | null {
  const [begin, end] = [timeNamed(from), timeNamed(until)];
  if (begin === null || end === null || begin >= end || begin >= now) return 'offer_need_period';
  if (by.trim() === '') return 'ack_need_name';
  return comment.trim() === '' ? 'need_reason' : null;
}

export function offerDeed({ gateway, from, until }: Offer): OfferDeed | null {
  const [begin, end] = [timeNamed(from), timeNamed(until)];
  if (begin === null || end === null) return null;
  return { deed: 'offer_again', gateway, from: begin, until: end };
}
