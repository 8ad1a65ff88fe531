/** Why a request cannot be served now, in words for users. */
export class Refusal extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, message: string, retryAfterMilliseconds?: number) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterMilliseconds === undefined ? undefined : Math.ceil(retryAfterMilliseconds / 1000);
  }
}
