// What a page needs of whoever answers it.

/** What a connection uses of a WebSocket. */
export interface Socket {
  readonly readyState: number;
  /** It cannot fall silent unnoticed: no network lies between. */
  readonly steady?: boolean;
  binaryType: string;
  onopen: ((event: Event) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onclose: ((event: CloseEvent) => unknown) | null;
  send(text: string): void;
  close(): void;
}

export interface Server {
  open(path: string): Socket;
  ask(path: string, body: unknown): Promise<unknown>;
}
