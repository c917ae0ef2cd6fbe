import { useSaid } from '../phrases';

/** A sentence of the server; what it quotes between backticks is for a terminal or a file. */
export function Said({ text }: { text: string }) {
  const said = useSaid();
  return said(text)
    .split('`')
    .map((part, index) =>
      index % 2 === 1 ? (
        <code key={index} className="mono">
          {part}
        </code>
      ) : (
        part
      ),
    );
}
