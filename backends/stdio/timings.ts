/** All in milliseconds. */
export const timings = {
  /** For an answer to `server/discover`, from the server's first sign of life. */
  probe: 5_000,
  /** For that sign. Its package may have to be fetched first. */
  firstSign: 15_000,
  /** For an answer to `initialize`, the fetching included. */
  handshake: 120_000,
  /** Between closing a server's input, SIGTERM and SIGKILL. */
  stop: 5_000,
  /** The same when the container stops, which waits for 10 s. */
  stopAtEnd: 2_500,
  /** A server that ends by itself within this time may not start again at once. */
  quickCrash: 10_000,
  /** Wait after the first quick crash; it doubles with each, up to the longest. */
  firstWait: 500,
  longestWait: 30_000,
};
export type Timings = typeof timings;
