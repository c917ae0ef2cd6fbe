// The bodies of the REST API under the names that pages use. All of them are generated from the server's OpenAPI
// document; what that document cannot say (any kind can be a template, a value can be any JSON) is said here.
import type { components, paths } from './schema';

type S = components['schemas'];

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
/** A type without nulls, for what the server leaves out rather than sends as null. */
type Present<T> = T extends (infer Item)[] ? Present<Item>[] : T extends object ? { [Key in keyof T]: Present<Exclude<T[Key], null>> } : T;
type Replace<T, With> = Omit<T, keyof With> & With;

export type Connection = S['Connection'];
export type ClusterPhase = S['ClusterPhase'];
export type Phase = S['Phase'];
export type Language = S['Language'];
export type UserState = S['UserState'];
export type ScopeKind = S['ScopeKind'];

export type List<T> = Replace<S['List_Cluster'], { items: T[] }>;
export type ListParams = {
  limit?: number;
  continue?: string;
  sort?: string;
  search?: string;
};

export type FieldError = S['FieldError'];
export type ErrorBody = S['ErrorBody'];
export type ApiError = S['ApiError'];

export type SetupRequest = S['SetupRequest'];
export type UrlTestResult = S['UrlTestResult'];
export type User = S['User'];
export type UserCreate = S['UserCreate'];
export type UserUpdate = S['UserUpdate'];
export type Token = S['Token'];
export type TokenCreate = S['TokenCreate'];
export type Access = S['Access'];
export type Role = S['Role'];

export type Cluster = S['Cluster'];
export type AgentClusterCreate = S['AgentClusterCreate'];
export type AgentClusterCreated = S['AgentClusterCreated'];
export type JoinInstructions = S['JoinInstructions'];
export type ClusterImport = S['ClusterImport'];
export type ClusterProbe = S['ClusterProbe'];
export type ClusterUpdate = S['ClusterUpdate'];
export type ProbeStep = S['ProbeStep'];
export type ProbeState = S['ProbeState'];
export type ProbeResult = S['ProbeResult'];
export type ProbeReport = S['ProbeReport'];

export type Workspace = S['Workspace'];
export type WorkspaceCreate = S['WorkspaceCreate'];
export type WorkspaceUpdate = S['WorkspaceUpdate'];
export type Project = S['Project'];
export type ProjectCreate = S['ProjectCreate'];
export type ProjectUpdate = S['ProjectUpdate'];
export type Member = S['Member'];

export type Patch = Replace<Present<S['Patch']>, { value?: Json }>;
export type Override = Replace<Present<Omit<S['Override'], 'labels' | 'annotations'>>, { patches?: Patch[]; labels?: Record<string, string | null>; annotations?: Record<string, string | null> }>;
export type Placement = Present<S['Placement']>;
export type Preference = Present<S['Preference']>;
export type FederatedSpec = Replace<Present<S['FederatedSpec']>, { template: JsonObject; overrides?: Override[] }>;
export type FederatedBody = { spec: FederatedSpec };
export type GeneratedWrite = S['FederatedWrite'];
export type DriftEntry = Replace<S['DriftEntry'], { expected: Json; actual: Json }>;
export type ClusterStatus = Replace<S['ClusterStatus'], { drift: DriftEntry[]; status?: Json }>;
export type FederatedStatus = Replace<S['FederatedStatus'], { clusters: ClusterStatus[] }>;
export type FederatedObject = Replace<S['FederatedObject'], { spec: FederatedSpec; status: FederatedStatus }>;
export type Difference = { path: string; from?: Json; to?: Json };
export type PlanAction = 'Create' | 'Update' | 'None' | 'Delete' | 'Release' | 'Wait' | 'Skip';
export type PlannedCluster = Replace<S['ClusterPlan'], { action: PlanAction; differences: Difference[] }>;
export type Plan = Replace<S['Plan'], { clusters: PlannedCluster[] }>;
export type Revision = Replace<S['Revision'], { spec: FederatedSpec }>;
export type FederatedType = S['TypeInfo'];

export type Attention = Replace<S['Attention'], { phase: Phase | ClusterPhase }>;
export type Overview = Replace<S['Overview'], { attention: Attention[] }>;
export type AuditEntry = S['AuditEntry'];
export type AuditFilter = Present<NonNullable<paths['/api/v1/audit']['get']['parameters']['query']>>;

export type ClientFrame =
  | { type: 'subscribe'; id: string; topic: string; since?: number }
  | { type: 'unsubscribe'; id: string };
export type ServerFrame =
  | { type: 'subscribed'; id: string; revision: number }
  | { type: 'changed'; id: string; revision: number; data?: unknown }
  | { type: 'closed'; id: string; code: string; message: string };
