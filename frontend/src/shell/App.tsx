// The console once somebody is signed in: cache, live connection, pages.
import '../console.css';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { liveUrl } from '../api/base';
import { session } from '../api/endpoints';
import { LiveContext, newQueryClient } from '../api/hooks';
import { LiveConnection } from '../api/live';
import { makeRouter } from '../routes';
import { LeaveContext } from './leave';

export default function App({ onLeave }: { onLeave: () => void }) {
  const [cache] = useState(newQueryClient);
  const [live] = useState(() => new LiveConnection(() => new WebSocket(liveUrl())));
  const [router] = useState(makeRouter);
  useEffect(() => {
    live.start();
    // A refused connection looks like a broken one; asking who is there tells whether the session has ended.
    const stopWatching = live.watchState(() => {
      if (live.state.kind === 'waiting') void session.access().catch(() => undefined);
    });
    return () => {
      stopWatching();
      live.stop();
    };
  }, [live]);
  const leave = async () => {
    await session.signOut().catch(() => undefined);
    live.stop();
    cache.clear();
    onLeave();
  };
  return (
    <QueryClientProvider client={cache}>
      <LiveContext value={live}>
        <LeaveContext value={() => void leave()}>
          <RouterProvider router={router} />
          <Notifications position="bottom-right" limit={3} />
        </LeaveContext>
      </LiveContext>
    </QueryClientProvider>
  );
}
