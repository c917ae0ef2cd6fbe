// Numbers, sizes and times in the language of now.
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

export function useFormat() {
  const { i18n } = useTranslation();
  const language = i18n.language;
  return useMemo(() => {
    const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
    const whole = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
    const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
    const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    return {
      number: (value: number) => number.format(value),
      cores: (milli: number) => number.format(milli / 1000),
      bytes: (value: number) => {
        const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
        const step = value < 1 ? 0 : Math.min(steps.length - 1, Math.floor(Math.log2(value) / 10));
        return `${number.format(value / 1024 ** step)} ${steps[step] ?? ''}`;
      },
      time: (iso: string) => whole.format(new Date(iso)),
      day: (iso: string) => day.format(new Date(iso)),
      ago: (iso: string, now: number) => {
        const difference = new Date(iso).getTime() - now;
        const [unit, size] = units.find(([, ms]) => Math.abs(difference) >= ms) ?? ['second', 1000];
        return relative.format(Math.trunc(difference / size), unit);
      },
    };
  }, [language]);
}
