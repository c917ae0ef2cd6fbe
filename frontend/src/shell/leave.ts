import { createContext } from 'react';

/** Signs out and goes back to the door. */
export const LeaveContext = createContext<() => void>(() => undefined);
