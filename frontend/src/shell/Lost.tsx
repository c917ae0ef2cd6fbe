import { Link, type ErrorComponentProps } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Failure } from '../ui/Gate';
import { Page } from '../ui/Page';

export function Lost() {
  const { t } = useTranslation();
  return (
    <Page title={t('shell.lostTitle')} about={t('shell.lost')}>
      <p>
        <Link to="/">{t('shell.toHome')}</Link>
      </p>
    </Page>
  );
}

export function PageFault({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <Page title={t('shell.faultTitle')} about={t('shell.fault')}>
      <Failure error={error} retry={reset} />
    </Page>
  );
}
