import { useTranslation } from 'react-i18next';
import type { ClusterPhase, Phase, PlanAction, ProbeState, UserState } from '../api/types';
import { Mark, type Tone } from './Mark';

const tones: Record<Phase | ClusterPhase, Tone> = {
  Ready: 'ok',
  Progressing: 'busy',
  Degraded: 'warn',
  Failed: 'bad',
  Unknown: 'unknown',
  Paused: 'note',
  Pending: 'busy',
  NotReady: 'warn',
  Unreachable: 'bad',
};

export function State({ tone, word }: { tone: Tone; word: string }) {
  return (
    <span className="state">
      <Mark tone={tone} />
      <span className="state-word">{word}</span>
    </span>
  );
}

/** The state of a cluster, an object or a copy: shape and word, the same everywhere. */
export function PhaseState({ phase }: { phase: Phase | ClusterPhase }) {
  const { t } = useTranslation();
  return <State tone={tones[phase] ?? 'unknown'} word={t(`phase.${phase}`)} />;
}

const actionTones: Record<PlanAction, Tone> = {
  Create: 'ok',
  Update: 'busy',
  None: 'note',
  Delete: 'bad',
  Release: 'warn',
  Wait: 'warn',
  Skip: 'unknown',
};

export function ActionState({ action }: { action: PlanAction }) {
  const { t } = useTranslation();
  return <State tone={actionTones[action] ?? 'unknown'} word={t(`action.${action}`)} />;
}

const probeTones: Record<ProbeState, Tone> = { passed: 'ok', warning: 'warn', failed: 'bad', skipped: 'unknown' };
export const probeTone = (state: ProbeState): Tone => probeTones[state];

const userTones: Record<UserState, Tone> = { active: 'ok', disabled: 'unknown', locked: 'warn', invited: 'note' };

export function UserStateMark({ state }: { state: UserState }) {
  const { t } = useTranslation();
  return <State tone={userTones[state]} word={t(`userState.${state}`)} />;
}
