/** Server-sent events from a byte stream: pure parsing, fed with text as it arrives. */

/** Longest unfinished line or event; past it the stream is broken off. */
export const PENDING_MAX = 8 * 1024 * 1024;

export interface Message {
  event: string;
  data: string;
}

export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #size = 0;

  /** The messages that `text` completes, in order. */
  push(text: string): Message[] {
    const out: Message[] = [];
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line, out);
    if (this.#rest.length + this.#size > PENDING_MAX) throw new Error('event too long');
    return out;
  }

  #line(line: string, out: Message[]): void {
    if (line === '') {
      if (this.#data.length > 0) {
        out.push({ event: this.#event || 'message', data: this.#data.join('\n') });
      }
      this.#event = '';
      this.#data = [];
      this.#size = 0;
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment: only a sign of life
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'event') this.#event = value;
    if (field === 'data') {
      this.#data.push(value);
      this.#size += value.length;
    }
  }
}
