/** Shortest rest between two runs. */
const REST_MS = 250;

/**
 * Runs something at once, and once more after it ended if it was asked for meanwhile, however often: a burst of news
 * costs two fetches, not one for each.
 */
export function coalesce(run: () => Promise<unknown>): () => void {
  let running = false;
  let again = false;
  const start = async () => {
    running = true;
    do {
      again = false;
      await run().catch(() => undefined);
      if (again) await new Promise((resolve) => setTimeout(resolve, REST_MS));
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else void start();
  };
}
