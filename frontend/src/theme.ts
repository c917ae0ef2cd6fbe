// Design tokens for Mantine; our own style sheet reads the same variables. Neutral greys and one blue.
import { createTheme, type CSSVariablesResolver } from '@mantine/core';

export const theme = createTheme({
  colors: {
    blue: ['#eef4fe', '#dbe7fc', '#b8cff9', '#8fb2f4', '#74a0f2', '#4a7ee6', '#2a64d8', '#1f5fd0', '#1c55ba', '#153f8b'],
    dark: ['#d6dae1', '#b3bac6', '#98a1b0', '#79838f', '#3a424e', '#2b323c', '#20262e', '#191e25', '#13171d', '#0e1116'],
  },
  primaryColor: 'blue',
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 6,
  radius: { xs: '3px', sm: '6px', md: '6px', lg: '6px', xl: '6px' },
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '18px' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.5' },
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '18px' }, h2: { fontSize: '15px' }, h3: { fontSize: '13px' } } },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '20px', xl: '24px' },
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'xs', fz: 13 } },
    ActionIcon: { defaultProps: { size: 28, variant: 'subtle', color: 'gray' } },
    TextInput: { defaultProps: { size: 'xs' } },
    PasswordInput: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    NativeSelect: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs' } },
    MultiSelect: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Modal: { defaultProps: { radius: 6, overlayProps: { backgroundOpacity: 0.4 }, transitionProps: { duration: 100 } } },
    Menu: { defaultProps: { shadow: 'md', transitionProps: { duration: 100 } } },
    Tooltip: { defaultProps: { withArrow: false, openDelay: 300, transitionProps: { duration: 100 } } },
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {
    '--input-label-size': '13px',
  },
  light: {
    '--mantine-color-body': 'var(--h-bg)',
    '--mantine-color-text': 'var(--h-text)',
    '--mantine-color-dimmed': 'var(--h-muted)',
    '--mantine-color-placeholder': 'var(--h-muted)',
    '--mantine-color-error': 'var(--h-bad)',
    '--mantine-color-default-border': 'var(--h-border)',
    '--mantine-color-anchor': 'var(--h-link)',
  },
  dark: {
    '--mantine-color-body': 'var(--h-bg)',
    '--mantine-color-text': 'var(--h-text)',
    '--mantine-color-dimmed': 'var(--h-muted)',
    '--mantine-color-placeholder': 'var(--h-muted)',
    '--mantine-color-error': 'var(--h-bad)',
    '--mantine-color-default-border': 'var(--h-border)',
    '--mantine-color-default': 'var(--h-surface)',
    '--mantine-color-anchor': 'var(--h-link)',
  },
});
