import { useParams } from '@tanstack/react-router';
import { Members } from './Members';

export default function ProjectMembers() {
  const { proj } = useParams({ from: '/w/$ws/p/$proj/members' });
  return <Members scope={{ scope: 'projects', name: proj }} />;
}
