import { describe, expect, it, vi } from 'vitest';
import { coalesce } from './coalesce';

describe('a burst of news', () => {
  it('costs two fetches, the second after the first', async () => {
    vi.useFakeTimers();
    let end: () => void = () => undefined;
    const run = vi.fn(() => new Promise<void>((resolve) => (end = resolve)));
    const ask = coalesce(run);
    for (let count = 0; count < 50; count += 1) ask();
    expect(run).toHaveBeenCalledTimes(1);
    end();
    await vi.advanceTimersByTimeAsync(250);
    expect(run).toHaveBeenCalledTimes(2);
    end();
    await vi.advanceTimersByTimeAsync(1000);
    expect(run).toHaveBeenCalledTimes(2);
    ask();
    expect(run).toHaveBeenCalledTimes(3);
    vi.useRealTimers();
  });
});
