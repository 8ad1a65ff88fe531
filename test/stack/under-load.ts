/**
 * Sends requests in lanes, one after the other in each, for as long as something else goes on.
 * @returns how many there were
 * @throws with the first request that failed, or with what failed meanwhile
 */
export async function underLoad(lanes: number, request: (lane: number) => Promise<unknown>, meanwhile: () => Promise<unknown>): Promise<number> {
  let requests = 0;
  let running = true;
  const send = async (lane: number) => {
    for (; running; requests++) await request(lane);
  };
  const stop = () => void (running = false);
  await Promise.all([meanwhile().finally(stop), ...Array.from({ length: lanes }, (_, lane) => send(lane))]).finally(stop);
  return requests;
}
