import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from './format';

/** The text filter of a list; `/` jumps into it. The list's count stands beside it. */
export function Filter({ value, onChange, total }: { value: string | undefined; onChange: (text: string | undefined) => void; total: number | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [text, setText] = useState(value ?? '');
  const tell = useDebouncedCallback((next: string) => onChange(next.trim() === '' ? undefined : next.trim()), 200);
  return (
    <>
      <TextInput
        data-filter
        type="search"
        w={240}
        aria-label={t('shell.filter')}
        placeholder={t('shell.filter')}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          tell(event.currentTarget.value);
        }}
      />
      <span className="count num" role="status">
        {total === undefined ? '' : t('shell.inAll', { count: total, number: format.number(total) })}
      </span>
    </>
  );
}
