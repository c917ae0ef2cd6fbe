import 'i18next';
import type console from './en/console';
import type door from './en/door.json';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof door & typeof console };
    returnNull: false;
  }
}
