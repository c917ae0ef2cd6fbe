import { useParams } from '@tanstack/react-router';
import { Members } from './Members';

export default function WorkspaceMembers() {
  const { ws } = useParams({ from: '/w/$ws/members' });
  return <Members scope={{ scope: 'workspaces', name: ws }} />;
}
