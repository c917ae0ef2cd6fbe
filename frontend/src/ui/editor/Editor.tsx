// YAML to write in. Loaded only where somebody writes; Tab leaves it, so that the keyboard is never caught.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, foldGutter, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

export type Problem = { message: string; line: number };
type Props = { label: string; value: string; onChange: (text: string) => void; problem: Problem | undefined };

const look = EditorView.theme({
  '&': { backgroundColor: 'var(--h-surface)', color: 'var(--h-text)' },
  '.cm-scroller': { fontFamily: 'var(--h-mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--h-text)' },
  '.cm-cursor': { borderLeftColor: 'var(--h-text)' },
  '.cm-gutters': { backgroundColor: 'var(--h-sunken)', color: 'var(--h-muted)', borderRight: '1px solid var(--h-border)' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '&.cm-focused .cm-activeLine': { backgroundColor: 'var(--h-hover)' },
  '&.cm-focused': { outline: '2px solid var(--h-accent)', outlineOffset: '-2px' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--h-accent-soft)' },
  '.cm-tooltip': { backgroundColor: 'var(--h-surface)', border: '1px solid var(--h-border-strong)', color: 'var(--h-text)' },
});

export default function Editor({ label, value, onChange, problem }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ onChange, value });
  useEffect(() => {
    latest.current = { onChange, value };
  });

  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          lineNumbers(),
          foldGutter(),
          lintGutter(),
          history(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          yaml(),
          syntaxHighlighting(classHighlighter),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.contentAttributes.of({ 'aria-label': label, 'aria-multiline': 'true', role: 'textbox', tabindex: '0', spellcheck: 'false' }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged) return;
            const text = update.state.doc.toString();
            if (text !== latest.current.value) latest.current.onChange(text);
          }),
          look,
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [label]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const now = editor.state.doc.toString();
    if (now === value) return;
    // Only the part that differs is replaced, so that the cursor stays where it is.
    let from = 0;
    while (from < now.length && from < value.length && now[from] === value[from]) from += 1;
    let end = 0;
    while (end < now.length - from && end < value.length - from && now[now.length - 1 - end] === value[value.length - 1 - end]) end += 1;
    editor.dispatch({ changes: { from, to: now.length - end, insert: value.slice(from, value.length - end) } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const line = problem ? editor.state.doc.line(Math.min(Math.max(1, problem.line), editor.state.doc.lines)) : undefined;
    editor.dispatch(
      setDiagnostics(editor.state, problem && line ? [{ from: line.from, to: line.to, severity: 'error', message: problem.message }] : []),
    );
  }, [problem]);

  return <div className="editor" ref={place} />;
}
