import access from './access.json';
import clusters from './clusters.json';
import federation from './federation.json';
import shell from './shell.json';
import tenancy from './tenancy.json';

export default { ...shell, ...clusters, ...tenancy, ...federation, ...access };
