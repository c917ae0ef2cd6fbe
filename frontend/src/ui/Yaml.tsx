import { useMemo } from 'react';
import { stringify } from 'yaml';

/** Something to read as YAML. */
export default function Yaml({ label, value }: { label: string; value: unknown }) {
  const text = useMemo(() => stringify(value, { lineWidth: 0 }), [value]);
  return (
    <pre className="yaml" tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}
