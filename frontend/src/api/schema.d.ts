// Generated from openapi.json by `npm run api`. Do not edit.

export interface paths {
    "/api/v1/agent-clusters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a cluster that an agent brings in, and says how to start the agent. The token is told once. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["AgentClusterCreate"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["AgentClusterCreated"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The audit trail, newest first. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Text that the name contains. */
                    search?: string;
                    /** @description Who. */
                    actor?: string;
                    /** @description What was done. */
                    verb?: string;
                    /** @description To what kind of thing. */
                    kind?: string;
                    /** @description In which workspace. */
                    workspace?: string;
                    /** @description In which project. */
                    project?: string;
                    /** @description Not before. */
                    since?: string;
                    /** @description Not after. */
                    until?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_AuditEntry"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/clusters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Clusters that the caller may know. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Cluster"];
                    };
                };
            };
        };
        put?: never;
        /** Imports a cluster by kubeconfig; the probe ladder runs before anything is stored. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ClusterImport"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Cluster"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ApiError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/clusters/probe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Runs the probe ladder only. With `Accept: application/x-ndjson`, each step is a line as it happens, and the report
         *     the last line.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ClusterProbe"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ProbeReport"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/clusters/{cluster}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One cluster. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    cluster: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Cluster"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Detaches a cluster. */
        delete: {
            parameters: {
                query?: {
                    /** @description What becomes of the copies there: `orphan` (default: they stay, unlabelled) or `delete`. */
                    copies?: "orphan" | "delete";
                };
                header?: never;
                path: {
                    cluster: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        /** Changes display name and labels; placements are evaluated again. */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    cluster: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ClusterUpdate"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Cluster"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/clusters/{cluster}/agent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revokes the certificates of a cluster's agent and its unspent join tokens; live tunnels end at once. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    cluster: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/clusters/{cluster}/join-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Issues another join token for a cluster's agent. The token is told once. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    cluster: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["JoinInstructions"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/federated-objects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Federated objects of cluster-scoped kinds, which belong to the platform. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description `name`, `type`, `createdAt` or `updatedAt`, `-` before it for descending. */
                    sort?: string;
                    /** @description Text that the name contains. */
                    search?: string;
                    /** @description Only this type (`plural.group`). */
                    type?: string;
                    /** @description Whole templates. */
                    full?: boolean;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_FederatedObject"];
                    };
                };
            };
        };
        put?: never;
        /** Federates an object of a cluster-scoped kind. For administrators of the platform. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["FederatedWrite"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ApiError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/federated-objects/{type}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One federated object of a cluster-scoped kind with its status. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        /** Replaces template, placement, overrides, replicas and policy. */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["FederatedWrite"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        post?: never;
        /** Removes it from all clusters; the record goes when its copies are gone. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /** Changes parts of it by JSON merge patch over `{"spec": …}`. */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": unknown;
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/federated-objects/{type}/{name}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Its accepted revisions, newest first. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path: {
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Revision"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kubeconfig": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A kubeconfig (YAML) without secrets: kubectl asks `hanse kube-credential` for the token of `hanse login`. */
        get: {
            parameters: {
                query?: {
                    /** @description Only this cluster. */
                    cluster?: string;
                    /** @description Lead to clusters by their own ports, where they have one. */
                    ports?: boolean;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/yaml": string;
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Upgrades to the live connection; see `ClientFrame` and `ServerFrame`. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                101: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The own account. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes display name and language of the own account. */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UserUpdate"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/me/access": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Everything that the caller may do. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Access"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Changes the own password; other sessions end. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["PasswordChange"];
                };
            };
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The own personal access tokens. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Token"];
                    };
                };
            };
        };
        put?: never;
        /** Makes a personal access token; its secret is in this answer only. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["TokenCreate"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenCreated"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/tokens/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revokes a personal access token. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What there is, how it does, what needs attention. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Overview"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/permissions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The catalogue of permissions. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Permission"][];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What accepting this object of a cluster-scoped kind would do in every cluster; stores nothing. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["FederatedWrite"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Plan"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One project. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Project"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Removes a project with everything federated in it; its namespaces go when their contents are gone. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Project"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /** Changes a project; what was placed in a cluster that leaves is deleted there. */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ProjectUpdate"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Project"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/projects/{project}/federated-objects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Federated objects of a project. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description `name`, `type`, `createdAt` or `updatedAt`, `-` before it for descending. */
                    sort?: string;
                    /** @description Text that the name contains. */
                    search?: string;
                    /** @description Only this type (`plural.group`). */
                    type?: string;
                    /** @description Whole templates. */
                    full?: boolean;
                };
                header?: never;
                path: {
                    project: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_FederatedObject"];
                    };
                };
            };
        };
        put?: never;
        /** Federates an object. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["FederatedWrite"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ApiError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/federated-objects/{type}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One federated object with its status. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        /** Replaces template, placement, overrides, replicas and policy. */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["FederatedWrite"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        post?: never;
        /** Removes it from all clusters; the record goes when its copies are gone. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /** Changes parts of it by JSON merge patch over `{"spec": …}`. */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": unknown;
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["FederatedObject"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/projects/{project}/federated-objects/{type}/{name}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Its accepted revisions, newest first. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path: {
                    project: string;
                    type: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Revision"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Members of a project. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path: {
                    project: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Member"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/members/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Adds a member or replaces its roles. */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                    user: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["MemberPut"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Member"];
                    };
                };
            };
        };
        post?: never;
        /** Removes a member. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                    user: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What accepting this would do in every cluster; stores nothing. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    project: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["FederatedWrite"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Plan"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The roles. */
        get: {
            parameters: {
                query?: {
                    /** @description Only roles of this scope. */
                    scope?: "platform" | "cluster" | "workspace" | "project";
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Role"][];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Signs in by password; the answer sets the session cookie. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SignIn"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ApiError"];
                    };
                };
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ApiError"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/current": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends the session of this request. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether setup is still to be done. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SetupState"];
                    };
                };
            };
        };
        put?: never;
        /** Makes the first administrator and signs in. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SetupRequest"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup/url-test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tests the URL to be advertised, from the server. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UrlTest"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UrlTestResult"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Kinds that can be federated. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TypeInfo"][];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Accounts. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_User"];
                    };
                };
            };
        };
        put?: never;
        /** Makes an account. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UserCreate"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One account. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Removes an account with its sessions, tokens and roles. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        /** Changes an account: state and roles of others, never one's own. */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UserUpdate"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/workspaces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Workspaces that the caller may know. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Workspace"];
                    };
                };
            };
        };
        put?: never;
        /** Makes a workspace, and its first project when one is given. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["WorkspaceCreate"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Workspace"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{workspace}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One workspace. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    workspace: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Workspace"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Removes an empty workspace. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    workspace: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        /** Changes a workspace. */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    workspace: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["WorkspaceUpdate"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Workspace"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/workspaces/{workspace}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Members of a workspace. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path: {
                    workspace: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Member"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{workspace}/members/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Adds a member or replaces its roles. */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    workspace: string;
                    user: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["MemberPut"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Member"];
                    };
                };
            };
        };
        post?: never;
        /** Removes a member from the workspace and from all its projects. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    workspace: string;
                    user: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{workspace}/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Projects of a workspace that the caller may know. */
        get: {
            parameters: {
                query?: {
                    /** @description At most this many items, 1–500; 50 when absent. */
                    limit?: number;
                    /** @description Opaque place to go on from, out of the previous answer. */
                    continue?: string;
                    /** @description Field to sort by, `-` before it for descending. Each list names its fields. */
                    sort?: string;
                    /** @description Text that the name or display name contains. */
                    search?: string;
                    /** @description Kubernetes label selector, where the items have labels. */
                    labelSelector?: string;
                };
                header?: never;
                path: {
                    workspace: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["List_Project"];
                    };
                };
            };
        };
        put?: never;
        /** Makes a project: a namespace of its name in each of its clusters. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    workspace: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ProjectCreate"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Project"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What the caller may do, everywhere. One request answers the whole navigation. */
        Access: {
            /** @description By cluster. */
            clusters: components["schemas"]["ClusterAccess"][];
            /** @description Effective permissions on the platform. */
            platform: string[];
            /** @description By workspace. */
            workspaces: components["schemas"]["WorkspaceAccess"][];
        };
        /** @description Makes a cluster that an agent will bring in. */
        AgentClusterCreate: {
            /** @description Shown name. */
            displayName?: string | null;
            /** @description Give it a port of its own, where its API is served at the root. */
            fixedPort?: boolean;
            /** @description Take over a cluster that another Hanse manages. */
            force?: boolean;
            /** @description Labels that placements select by. */
            labels?: {
                [key: string]: string;
            };
            /** @description Unique name. */
            name: components["schemas"]["ClusterName"];
        };
        /** @description A cluster that waits for its agent. */
        AgentClusterCreated: {
            /** @description The cluster. */
            cluster: components["schemas"]["Cluster"];
            /** @description How to start its agent. */
            join: components["schemas"]["JoinInstructions"];
        };
        /** @description The body of every answer with a status of 400 and above. */
        ApiError: {
            /** @description The error itself. */
            error: components["schemas"]["ErrorBody"];
        };
        /** @description Something that needs attention. */
        Attention: {
            /** @description `cluster` or `federated-object`. */
            kind: string;
            /** @description Cause and next step. */
            message: string;
            /** @description Its name. */
            name: string;
            /** @description Path of the resource below `/api/v1/`. */
            path: string;
            /** @description State in one word. */
            phase: string;
        };
        /** @description One row of the trail. */
        AuditEntry: {
            /** @description Who. */
            actor: string;
            /** @description Where from. */
            address?: string | null;
            /** @description What it is, without secrets. */
            after?: unknown;
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description What it was, without secrets. */
            before?: unknown;
            /** @description Whether a token was used. */
            byToken: boolean;
            /** @description Its cluster. */
            cluster?: string | null;
            /**
             * Format: int64
             * @description How long it took, in milliseconds.
             */
            durationMs: number;
            /**
             * Format: int64
             * @description Place in the trail.
             */
            id: number;
            /** @description To what kind of thing. */
            kind: string;
            /** @description Its name. */
            name: string;
            /** @description Its project. */
            project?: string | null;
            /** @description Id of the request. */
            requestId: string;
            /** @description `ok`, or the code of the refusal. */
            result: string;
            /** @description What was done. */
            verb: string;
            /** @description Its workspace. */
            workspace?: string | null;
        };
        /** @description One step of the checklist. */
        ChecklistStep: {
            /** @description Whether it is done. */
            done: boolean;
            /** @description `setup`, `cluster`, `second-cluster`, `workspace`, `application`. */
            step: string;
        };
        /** @description From the browser. */
        ClientFrame: {
            /** @description Chosen by the client, echoed in every frame about it. */
            id: string;
            /**
             * Format: int64
             * @description Revision of the data that the client has.
             */
            since?: number | null;
            /** @description Path of the resource below `/api/v1/`. */
            topic: string;
            /** @enum {string} */
            type: "subscribe";
        } | {
            /** @description The subscription. */
            id: string;
            /** @enum {string} */
            type: "unsubscribe";
        };
        /** @description A member cluster. */
        Cluster: {
            /** @description State in detail. */
            conditions: components["schemas"]["Condition"][];
            /** @description How it is reached. */
            connection: components["schemas"]["Connection"];
            /**
             * Format: date-time
             * @description When it was imported.
             */
            createdAt: string;
            credential?: components["schemas"]["CredentialInfo"] | null;
            /** @description Shown name. */
            displayName?: string | null;
            /** @description URL of its apiserver. */
            endpoint: string;
            /** @description Last-known facts; they stay while the cluster is unreachable. */
            facts: components["schemas"]["ClusterFacts"];
            /**
             * Format: int32
             * @description Its own port at this server, where its API is served at the root over TLS; it takes what the gateway takes.
             */
            fixedPort?: number | null;
            /** @description Stable id. */
            id: components["schemas"]["ClusterId"];
            /** @description Whether its certificate is not verified; a warning that stays visible. */
            insecure: boolean;
            /** @description Labels that placements select by. */
            labels: {
                [key: string]: string;
            };
            /**
             * Format: date-time
             * @description When it last answered.
             */
            lastSeenAt?: string | null;
            /**
             * Format: double
             * @description Round trip of the last probe that was answered.
             */
            latencyMs?: number | null;
            /** @description Unique name. */
            name: components["schemas"]["ClusterName"];
            /** @description State in one word. */
            phase: components["schemas"]["ClusterPhase"];
            /**
             * Format: int64
             * @description Version for `If-Match`, also in the `ETag` header.
             */
            version: number;
        };
        /** @description What the caller may do in one cluster beyond what platform roles give. */
        ClusterAccess: {
            /** @description The cluster. */
            name: components["schemas"]["ClusterName"];
            /** @description Effective permissions there. */
            permissions: string[];
        };
        /** @description What is known of a cluster from itself. */
        ClusterFacts: {
            /**
             * Format: int64
             * @description Allocatable processor time of its nodes, in thousandths of a core.
             */
            cpuAllocatableMilli: number;
            /** @description Git version of its apiserver, such as `v1.36.3`. */
            kubernetesVersion?: string | null;
            /**
             * Format: int64
             * @description Allocatable memory of its nodes, in bytes.
             */
            memoryAllocatableBytes: number;
            /**
             * Format: int32
             * @description Nodes.
             */
            nodes: number;
            /**
             * Format: int32
             * @description Nodes that are ready.
             */
            nodesReady: number;
            /**
             * Format: int64
             * @description Allocatable pods of its nodes.
             */
            podsAllocatable: number;
            /** @description Cloud or distribution, from the nodes' provider ids. */
            provider?: string | null;
            /** @description Regions of its nodes, sorted. */
            regions: string[];
            /** @description Zones of its nodes, sorted. */
            zones: string[];
        };
        /**
         * Format: uuid
         * @description A member cluster.
         */
        ClusterId: string;
        /** @description Imports a cluster by kubeconfig. */
        ClusterImport: {
            /** @description Context to use; needed when the kubeconfig has several and no current one. */
            context?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
            /** @description Give it a port of its own, where its API is served at the root. */
            fixedPort?: boolean;
            /** @description Take over a cluster that another Hanse manages. */
            force?: boolean;
            /** @description The kubeconfig's text. Stored sealed, never answered. */
            kubeconfig: string;
            /** @description Labels that placements select by. */
            labels?: {
                [key: string]: string;
            };
            /** @description Unique name. */
            name: components["schemas"]["ClusterName"];
        };
        /** @description A cluster's name, unique on the platform. */
        ClusterName: string;
        /** @enum {string} */
        ClusterPhase: "Pending" | "Ready" | "NotReady" | "Unreachable";
        /** @description What would happen in one cluster. */
        ClusterPlan: {
            /** @description `Create`, `Update`, `None`, `Delete`, `Release`, `Wait` or `Skip`. */
            action: string;
            /** @description The cluster. */
            cluster: string;
            /** @description Differences of that to what the member has. */
            differences: components["schemas"]["Difference"][];
            /** @description What would be sent. */
            manifest?: unknown;
            /** @description What stands in the way, and what to do; empty when nothing does. */
            message: string;
            /**
             * Format: int64
             * @description Replicas asked for in a full cluster on top of those that fit.
             */
            overflow?: number | null;
            /**
             * Format: int64
             * @description Replicas there, for kinds that have them.
             */
            replicas?: number | null;
            /** @description Whether the placement selects it. */
            selected: boolean;
            /** @description Status word when something stands in the way. */
            status: string;
            /** @description Why, or why not. */
            why: string;
        };
        /** @description Runs the probe ladder without storing anything. */
        ClusterProbe: {
            /** @description Context to use. */
            context?: string | null;
            /** @description The kubeconfig's text. */
            kubeconfig: string;
        };
        /** @description One cluster's part of a federated object. */
        ClusterStatus: {
            /** @description Whether the member holds what was last asked for. */
            applied: boolean;
            /** @description The cluster. */
            cluster: components["schemas"]["ClusterName"];
            /** @description Fields found changed and put right (the last ones). */
            drift: components["schemas"]["DriftEntry"][];
            lastError?: components["schemas"]["LastError"] | null;
            /** @description A sentence with cause and next step; empty when all is well. */
            message: string;
            /**
             * Format: date-time
             * @description When the member was last observed.
             */
            observedAt?: string | null;
            /** @description State of this copy. */
            phase: components["schemas"]["Phase"];
            /**
             * Format: int64
             * @description Replicas ready here, for kinds that have them.
             */
            readyReplicas?: number | null;
            /**
             * Format: int64
             * @description Replicas asked for here, for kinds that have them.
             */
            replicas?: number | null;
            /** @description Whether the placement selects it. */
            scheduled: boolean;
            /** @description The copy's own status, trimmed. */
            status?: unknown;
            /** @description The copy's own version: `gen:GENERATION`, or `rv:VERSION` for kinds without. */
            version?: string | null;
            /** @description Why it is selected or not. */
            why: string;
        };
        /** @description Changes to a cluster; what is absent stays. */
        ClusterUpdate: {
            /** @description Shown name. */
            displayName?: string | null;
            /** @description Whether it has a port of its own. */
            fixedPort?: boolean | null;
            /** @description Labels, replacing those of now. Placements are evaluated again. */
            labels?: {
                [key: string]: string;
            } | null;
        };
        /** @description A typed condition with its reason, message and time of change. */
        Condition: {
            /**
             * Format: date-time
             * @description When the status changed last.
             */
            lastTransitionTime: string;
            /** @description A sentence for people: cause and next step. */
            message: string;
            /** @description One word for programs. */
            reason: string;
            /** @description `True`, `False` or `Unknown`. */
            status: string;
            /** @description Such as `Ready` or `CredentialValid`. */
            type: string;
        };
        /**
         * @description What happens to an object of the same name that was there before.
         * @enum {string}
         */
        Conflict: "Adopt" | "Fail";
        /** @enum {string} */
        Connection: "direct" | "agent";
        /** @description How Hanse signs in to a cluster; never the secret itself. */
        CredentialInfo: {
            /**
             * Format: date-time
             * @description When it ends, where that can be known.
             */
            expiresAt?: string | null;
            /** @description `client certificate`, `token` or `basic`. */
            kind: string;
        };
        /** @description How a copy is deleted, handed to the member as it is. */
        DeleteOptions: {
            /**
             * Format: int64
             * @description Seconds that a pod has to end.
             */
            gracePeriodSeconds?: number | null;
            propagationPolicy?: components["schemas"]["PropagationPolicy"] | null;
        };
        /**
         * @description What happens to the copies of a deleted federated object.
         * @enum {string}
         */
        Deletion: "Delete" | "Orphan";
        /** @description Something that an object refers to. */
        Dependency: {
            /** @description Such as `v1`. */
            apiVersion: string;
            /** @description Such as `ConfigMap`. */
            kind: string;
            /** @description Its name. */
            name: string;
        };
        /** @description One difference between two objects. */
        Difference: {
            /** @description What is there now; absent = nothing. */
            from?: unknown;
            /** @description JSON pointer of the field. */
            path: string;
            /** @description What would be there; absent = nothing. */
            to?: unknown;
        };
        /** @description What happens to fields that somebody changed in a member. */
        Drift: {
            /** @description JSON pointers of fields that members may change; what is below them counts, too. */
            ignorePaths?: string[];
            /** @description Put right, only shown, or neither. */
            mode?: components["schemas"]["DriftMode"];
        };
        /** @description A field that a member's copy has different from what was sent, before it was put right. */
        DriftEntry: {
            /** @description What the member had. */
            actual: unknown;
            /**
             * Format: date-time
             * @description When it was seen.
             */
            at: string;
            /** @description What Hanse wants. */
            expected: unknown;
            /** @description Field manager that changed it, where known. */
            manager?: string | null;
            /** @description JSON pointer of the field. */
            path: string;
        };
        /**
         * @description Ways to answer drift.
         * @enum {string}
         */
        DriftMode: "Revert" | "Report" | "Ignore";
        /** @description Sets or removes an environment variable. */
        EnvOverride: {
            /** @description The container (or init container) of this name; absent means every container, not init containers. */
            container?: string | null;
            /** @description The variable. */
            name: string;
            /** @description Its value; absent removes the variable. */
            value?: string | null;
        };
        /** @description The error itself. */
        ErrorBody: {
            /** @description Stable code. */
            code: components["schemas"]["ErrorCode"];
            /** @description Fields at fault, when there are any. */
            fields?: components["schemas"]["FieldError"][];
            /** @description A sentence: what happened, to what, what to do. */
            message: string;
            probe?: components["schemas"]["ProbeReport"] | null;
            /** @description The request's id, as in the answer's `X-Request-Id` and in the log. */
            requestId: string;
        };
        /** @enum {string} */
        ErrorCode: "bad_request" | "unauthenticated" | "forbidden" | "not_found" | "method_not_allowed" | "already_exists" | "conflict" | "precondition_failed" | "too_large" | "invalid" | "probe_failed" | "too_many_requests" | "internal" | "unavailable" | "timeout";
        /**
         * Format: uuid
         * @description A federated object.
         */
        FederatedId: string;
        /** @description A federated object with its status. */
        FederatedObject: {
            /** @description As of the template, such as `apps/v1`. */
            apiVersion: string;
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description Who made it. */
            createdBy: string;
            /**
             * Format: date-time
             * @description Set while its copies are being removed.
             */
            deletedAt?: string | null;
            /**
             * Format: int64
             * @description Counts accepted changes of the specification.
             */
            generation: number;
            /**
             * @description Finalizers that Kubernetes' clients put on it at the hub and that hold it while it is being removed: whoever put
             *     them there takes them away.
             */
            heldBy?: string[];
            /** @description Stable id. */
            id: components["schemas"]["FederatedId"];
            /** @description Such as `Deployment`. */
            kind: string;
            /** @description Its name, here and in every member. */
            name: string;
            project?: components["schemas"]["ProjectName"] | null;
            /** @description What is wanted. In lists the template holds only kind and metadata, unless `full=true`. */
            spec: components["schemas"]["FederatedSpec"];
            /** @description How it does. */
            status: components["schemas"]["FederatedStatus"];
            /** @description `plural.group`, or `plural` for core kinds. */
            type: string;
            /**
             * Format: date-time
             * @description When it was changed last.
             */
            updatedAt: string;
            /** @description Who changed it last. */
            updatedBy: string;
            /**
             * Format: int64
             * @description Version for `If-Match`, also in the `ETag` header.
             */
            version: number;
        };
        /** @description What is wanted of a federated object; a new revision is kept for each change of it. */
        FederatedSpec: {
            /** @description What differs between clusters, applied in order. */
            overrides?: components["schemas"]["Override"][];
            /** @description Where it goes. */
            placement?: components["schemas"]["Placement"];
            /** @description What to do about conflicts, deletion, drift and dependencies. */
            policy?: components["schemas"]["Policy"];
            replicas?: components["schemas"]["Replicas"] | null;
            /** @description Whether `spec.replicas` belongs to each member, for example to an autoscaler there. */
            retainReplicas?: boolean;
            /** @description The Kubernetes object. Name, namespace and kind are forced from the record. */
            template: Record<string, never>;
        };
        /** @description Status over all clusters. */
        FederatedStatus: {
            /** @description Native status aggregated over all clusters. */
            aggregated: unknown;
            /** @description Every cluster of the project. */
            clusters: components["schemas"]["ClusterStatus"][];
            /**
             * Format: int32
             * @description Placed clusters.
             */
            clustersPlaced: number;
            /**
             * Format: int32
             * @description Placed clusters that are ready.
             */
            clustersReady: number;
            /** @description A sentence with cause and next step, such as `2 of 3 clusters ready: edge-2 is unreachable`. */
            message: string;
            /**
             * Format: int64
             * @description Generation that every placed cluster has observed; lower than `generation` while on its way.
             */
            observedGeneration: number;
            /** @description Overall state. */
            phase: components["schemas"]["Phase"];
            /**
             * Format: int64
             * @description Replicas ready over all clusters, for kinds that have them.
             */
            readyReplicas?: number | null;
            /**
             * Format: int64
             * @description Replicas asked for over all clusters, for kinds that have them.
             */
            replicas?: number | null;
            /**
             * Format: date-time
             * @description When this was computed.
             */
            updatedAt: string;
        };
        /** @description What a person sends: `{"spec": {…}}`. Type and name follow from the template. */
        FederatedWrite: {
            /** @description Template, placement, overrides, replicas, policy. */
            spec: components["schemas"]["FederatedSpec"];
        };
        /** @description One field at fault. */
        FieldError: {
            /** @description Path of the field in the body, such as `spec.overrides[0].patches[1].path`. */
            field: string;
            /** @description What is wrong and what would be right. */
            message: string;
        };
        /** @description Changes the image of containers; parts that are absent stay. */
        ImageOverride: {
            /** @description The container (or init container) of this name; absent means every one. */
            container?: string | null;
            /** @description The whole image; wins over the parts. */
            image?: string | null;
            /** @description Registry host with port, such as `registry.example.com:5000`. */
            registry?: string | null;
            /** @description Repository without the registry, such as `library/nginx`. */
            repository?: string | null;
            /** @description Tag, replacing a tag or digest. */
            tag?: string | null;
        };
        /** @description How to start the agent. Told once: the token is stored as a hash only. */
        JoinInstructions: {
            /** @description SHA-256 of the certificate of the hub's authority, which the agent pins. */
            caSha256: string;
            /** @description Command for a machine that has the agent and a kubeconfig. */
            command: string;
            /**
             * Format: date-time
             * @description When it ends.
             */
            expiresAt: string;
            /** @description Manifest for `kubectl apply`. */
            manifest: string;
            /** @description The join token: good once, for this cluster. */
            token: string;
            /** @description Where the agent's tunnel leads. */
            tunnelAddress: string;
            /** @description URL that the agent asks. */
            url: string;
        };
        /** @enum {string} */
        Language: "en" | "zh-CN";
        /** @description The last thing that went wrong with one copy. */
        LastError: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description What happened and what to do. */
            message: string;
            /** @description Status word, such as `CreationFailed` or `ApplyOverridesFailed`. */
            reason: string;
        };
        /** @description A page of a list. */
        List_AuditEntry: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /** @description Who. */
                actor: string;
                /** @description Where from. */
                address?: string | null;
                /** @description What it is, without secrets. */
                after?: unknown;
                /**
                 * Format: date-time
                 * @description When.
                 */
                at: string;
                /** @description What it was, without secrets. */
                before?: unknown;
                /** @description Whether a token was used. */
                byToken: boolean;
                /** @description Its cluster. */
                cluster?: string | null;
                /**
                 * Format: int64
                 * @description How long it took, in milliseconds.
                 */
                durationMs: number;
                /**
                 * Format: int64
                 * @description Place in the trail.
                 */
                id: number;
                /** @description To what kind of thing. */
                kind: string;
                /** @description Its name. */
                name: string;
                /** @description Its project. */
                project?: string | null;
                /** @description Id of the request. */
                requestId: string;
                /** @description `ok`, or the code of the refusal. */
                result: string;
                /** @description What was done. */
                verb: string;
                /** @description Its workspace. */
                workspace?: string | null;
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_Cluster: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /** @description State in detail. */
                conditions: components["schemas"]["Condition"][];
                /** @description How it is reached. */
                connection: components["schemas"]["Connection"];
                /**
                 * Format: date-time
                 * @description When it was imported.
                 */
                createdAt: string;
                credential?: components["schemas"]["CredentialInfo"] | null;
                /** @description Shown name. */
                displayName?: string | null;
                /** @description URL of its apiserver. */
                endpoint: string;
                /** @description Last-known facts; they stay while the cluster is unreachable. */
                facts: components["schemas"]["ClusterFacts"];
                /**
                 * Format: int32
                 * @description Its own port at this server, where its API is served at the root over TLS; it takes what the gateway takes.
                 */
                fixedPort?: number | null;
                /** @description Stable id. */
                id: components["schemas"]["ClusterId"];
                /** @description Whether its certificate is not verified; a warning that stays visible. */
                insecure: boolean;
                /** @description Labels that placements select by. */
                labels: {
                    [key: string]: string;
                };
                /**
                 * Format: date-time
                 * @description When it last answered.
                 */
                lastSeenAt?: string | null;
                /**
                 * Format: double
                 * @description Round trip of the last probe that was answered.
                 */
                latencyMs?: number | null;
                /** @description Unique name. */
                name: components["schemas"]["ClusterName"];
                /** @description State in one word. */
                phase: components["schemas"]["ClusterPhase"];
                /**
                 * Format: int64
                 * @description Version for `If-Match`, also in the `ETag` header.
                 */
                version: number;
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_FederatedObject: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /** @description As of the template, such as `apps/v1`. */
                apiVersion: string;
                /**
                 * Format: date-time
                 * @description When it was made.
                 */
                createdAt: string;
                /** @description Who made it. */
                createdBy: string;
                /**
                 * Format: date-time
                 * @description Set while its copies are being removed.
                 */
                deletedAt?: string | null;
                /**
                 * Format: int64
                 * @description Counts accepted changes of the specification.
                 */
                generation: number;
                /**
                 * @description Finalizers that Kubernetes' clients put on it at the hub and that hold it while it is being removed: whoever put
                 *     them there takes them away.
                 */
                heldBy?: string[];
                /** @description Stable id. */
                id: components["schemas"]["FederatedId"];
                /** @description Such as `Deployment`. */
                kind: string;
                /** @description Its name, here and in every member. */
                name: string;
                project?: components["schemas"]["ProjectName"] | null;
                /** @description What is wanted. In lists the template holds only kind and metadata, unless `full=true`. */
                spec: components["schemas"]["FederatedSpec"];
                /** @description How it does. */
                status: components["schemas"]["FederatedStatus"];
                /** @description `plural.group`, or `plural` for core kinds. */
                type: string;
                /**
                 * Format: date-time
                 * @description When it was changed last.
                 */
                updatedAt: string;
                /** @description Who changed it last. */
                updatedBy: string;
                /**
                 * Format: int64
                 * @description Version for `If-Match`, also in the `ETag` header.
                 */
                version: number;
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_Member: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /** @description Shown name. */
                displayName?: string | null;
                /** @description Roles bound at this scope. */
                roles: components["schemas"]["Name"][];
                /**
                 * Format: date-time
                 * @description When the first of them was bound.
                 */
                since: string;
                /** @description The person. */
                user: components["schemas"]["UserName"];
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_Project: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /** @description Annotations that its namespace carries in all of them. */
                annotations?: {
                    [key: string]: string;
                };
                /** @description Clusters. */
                clusters: components["schemas"]["ClusterName"][];
                /**
                 * Format: date-time
                 * @description When it was made.
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description Set while the project is going away.
                 */
                deletedAt?: string | null;
                /** @description What it is for. */
                description?: string | null;
                /** @description Shown name. */
                displayName?: string | null;
                /**
                 * Format: int64
                 * @description Number of federated objects.
                 */
                federatedObjects: number;
                /** @description Stable id. */
                id: components["schemas"]["ProjectId"];
                /** @description Labels that its namespace carries in all of them. */
                labels?: {
                    [key: string]: string;
                };
                /** @description Unique name, the namespace's name. */
                name: components["schemas"]["ProjectName"];
                /**
                 * Format: int64
                 * @description Version for `If-Match`, also in the `ETag` header.
                 */
                version: number;
                /** @description Its workspace. */
                workspace: components["schemas"]["WorkspaceName"];
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_Revision: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /**
                 * Format: date-time
                 * @description When.
                 */
                at: string;
                /** @description Who. */
                author: string;
                /**
                 * Format: int64
                 * @description Generation that it made.
                 */
                generation: number;
                /** @description The specification as of then. */
                spec: components["schemas"]["FederatedSpec"];
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_Token: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /**
                 * Format: date-time
                 * @description When it was made.
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description When it ends.
                 */
                expiresAt: string;
                /** @description Stable id. */
                id: components["schemas"]["TokenId"];
                /**
                 * Format: date-time
                 * @description Last use, to the minute.
                 */
                lastUsedAt?: string | null;
                /** @description Name among the owner's tokens. */
                name: components["schemas"]["Name"];
                /** @description Permissions it is limited to; absent = all of its owner's. */
                permissions?: string[] | null;
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_User: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /**
                 * Format: date-time
                 * @description When it was made.
                 */
                createdAt: string;
                /** @description Shown name. */
                displayName?: string | null;
                /** @description E-mail address. */
                email?: string | null;
                /** @description Stable id. */
                id: components["schemas"]["UserId"];
                language?: components["schemas"]["Language"] | null;
                /**
                 * Format: date-time
                 * @description Last successful sign-in.
                 */
                lastSignInAt?: string | null;
                /** @description Unique name. */
                name: components["schemas"]["UserName"];
                /** @description Platform roles. */
                roles: components["schemas"]["Name"][];
                /** @description State of the account. */
                state: components["schemas"]["UserState"];
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_Workspace: {
            /** @description Pass it back as `continue` for the next page; absent on the last. */
            continue?: string | null;
            /** @description This page. */
            items: {
                /** @description Clusters granted to it. */
                clusters: components["schemas"]["ClusterName"][];
                /**
                 * Format: date-time
                 * @description When it was made.
                 */
                createdAt: string;
                /** @description What it is for. */
                description?: string | null;
                /** @description Shown name. */
                displayName?: string | null;
                /** @description Stable id. */
                id: components["schemas"]["WorkspaceId"];
                /**
                 * Format: int64
                 * @description Number of members with a role in the workspace itself.
                 */
                members: number;
                /** @description Unique name. */
                name: components["schemas"]["WorkspaceName"];
                /**
                 * Format: int64
                 * @description Number of projects.
                 */
                projects: number;
                /**
                 * Format: int64
                 * @description Version for `If-Match`, also in the `ETag` header.
                 */
                version: number;
            }[];
            /**
             * Format: int64
             * @description Revision of the change feed at which the list was read; a live subscription can go on from it.
             */
            revision: number;
            /**
             * Format: int64
             * @description How many items match in all, over all pages.
             */
            total: number;
        };
        /** @description A member of a workspace or project. */
        Member: {
            /** @description Shown name. */
            displayName?: string | null;
            /** @description Roles bound at this scope. */
            roles: components["schemas"]["Name"][];
            /**
             * Format: date-time
             * @description When the first of them was bound.
             */
            since: string;
            /** @description The person. */
            user: components["schemas"]["UserName"];
        };
        /** @description Roles of one member, replacing those bound now. */
        MemberPut: {
            /** @description Role names of the scope; at least one. */
            roles: components["schemas"]["Name"][];
        };
        /** @description Any RFC 1123 label (roles, tokens and the like). */
        Name: string;
        /**
         * @description Comparison of a requirement.
         * @enum {string}
         */
        Operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
        /** @description A difference for some clusters. Shorthands are applied first, in the order of the fields, then the patches. */
        Override: {
            /** @description Annotations of the copy; null removes one. */
            annotations?: {
                [key: string]: string | null;
            };
            clusterSelector?: components["schemas"]["Selector"] | null;
            /** @description The clusters it is for. Names that no cluster has are accepted and match nothing. */
            clusters?: string[] | null;
            /** @description Environment variables of containers. */
            env?: components["schemas"]["EnvOverride"][];
            /** @description Images of containers. */
            image?: components["schemas"]["ImageOverride"][];
            /** @description Labels of the copy; null removes one. */
            labels?: {
                [key: string]: string | null;
            };
            /** @description JSON Patch operations, in order. */
            patches?: components["schemas"]["Patch"][];
            /**
             * Format: int64
             * @description `spec.replicas` (`spec.parallelism` of a Job).
             */
            replicas?: number | null;
        };
        /** @description The home page. */
        Overview: {
            /** @description What needs attention, worst first. */
            attention: components["schemas"]["Attention"][];
            /** @description First steps; for platform administrators. */
            checklist: components["schemas"]["ChecklistStep"][];
            /** @description Clusters by phase. */
            clusters: {
                [key: string]: number;
            };
            /** @description Federated objects by phase. */
            federatedObjects: {
                [key: string]: number;
            };
            /**
             * Format: int64
             * @description Projects that the caller may know.
             */
            projects: number;
            /**
             * Format: int64
             * @description Revision at which it was read.
             */
            revision: number;
            /**
             * Format: int64
             * @description Workspaces that the caller may know.
             */
            workspaces: number;
        };
        /** @description Changes one's own password. */
        PasswordChange: {
            /** @description The password in force. */
            current: string;
            /** @description The new one. */
            new: string;
        };
        /** @description A JSON Patch operation. */
        Patch: {
            /** @description What to do; `replace` when absent. */
            op?: components["schemas"]["PatchOp"];
            /** @description JSON pointer into the object. */
            path: string;
            /** @description The new value, for `add` and `replace`. */
            value?: Record<string, never> | null;
        };
        /**
         * @description Kinds of patch operations.
         * @enum {string}
         */
        PatchOp: "add" | "replace" | "remove";
        /** @description One permission of the catalogue. */
        Permission: {
            /** @description One line for people. */
            description: string;
            /** @description `<scope>.<resource>.<verb>`. */
            name: string;
            /** @description Permissions that must be had, too. */
            requires: string[];
            /** @description Resource it is about. */
            resource: string;
            /** @description Where it applies. */
            scope: components["schemas"]["ScopeKind"];
            /** @description `view`, `edit`, `create` or `manage`. */
            verb: string;
        };
        /** @enum {string} */
        Phase: "Ready" | "Progressing" | "Degraded" | "Failed" | "Unknown" | "Paused";
        /** @description Where an object goes, within the clusters of its project. With neither field it goes nowhere. */
        Placement: {
            clusterSelector?: components["schemas"]["Selector"] | null;
            /**
             * @description Exactly these clusters; wins over the selector even when empty, which means nowhere. Written as names;
             *     `{"name": "a"}` is understood, too.
             */
            clusters?: string[] | null;
        };
        /** @description What accepting a write would do. */
        Plan: {
            /** @description Every cluster of the project. */
            clusters: components["schemas"]["ClusterPlan"][];
            /** @description ConfigMaps, Secrets, ServiceAccounts and volume claims that the object refers to. */
            dependencies: components["schemas"]["Dependency"][];
            /** @description Fields for which the write would be refused. */
            fields: components["schemas"]["FieldError"][];
        };
        /** @description What to do when the world is not as the object wants it. */
        Policy: {
            /** @description About an object of the same name that was there before. */
            conflict?: components["schemas"]["Conflict"];
            deleteOptions?: components["schemas"]["DeleteOptions"] | null;
            /** @description About the copies when the federated object is deleted. */
            deletion?: components["schemas"]["Deletion"];
            /**
             * @description Whether ConfigMaps, Secrets, ServiceAccounts and PersistentVolumeClaims that a workload refers to travel
             *     with it.
             */
            dependencies?: boolean;
            /** @description About fields that somebody changed in a member. */
            drift?: components["schemas"]["Drift"];
        };
        /** @description What one cluster should get of a divided total. */
        Preference: {
            /**
             * Format: int64
             * @description At most this many; unbounded when absent.
             */
            maxReplicas?: number | null;
            /**
             * Format: int64
             * @description At least this many.
             */
            minReplicas?: number;
            /**
             * Format: int64
             * @description Share in proportion to the other weights.
             */
            weight?: number;
        };
        /** @description The whole ladder. */
        ProbeReport: {
            /** @description Context that was probed. */
            context?: string | null;
            /** @description Contexts of the kubeconfig, to choose among. */
            contexts?: string[];
            facts?: components["schemas"]["ClusterFacts"] | null;
            /** @description Whether the cluster can be taken in. */
            passed: boolean;
            /** @description Every step, in order. */
            steps: components["schemas"]["ProbeResult"][];
        };
        /** @description One step and how it ended. */
        ProbeResult: {
            /**
             * Format: double
             * @description How long it took, in milliseconds.
             */
            durationMs: number;
            /** @description What to do about it, unless it passed. */
            fix?: string | null;
            /** @description What was seen. */
            message: string;
            /** @description How it ended. */
            state: components["schemas"]["ProbeState"];
            /** @description The step. */
            step: components["schemas"]["ProbeStep"];
        };
        /** @enum {string} */
        ProbeState: "passed" | "warning" | "failed" | "skipped";
        /** @enum {string} */
        ProbeStep: "parse" | "resolve" | "connect" | "tls" | "authentication" | "version" | "permissions" | "identity" | "clock";
        /** @description A project. */
        Project: {
            /** @description Annotations that its namespace carries in all of them. */
            annotations?: {
                [key: string]: string;
            };
            /** @description Clusters. */
            clusters: components["schemas"]["ClusterName"][];
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description Set while the project is going away.
             */
            deletedAt?: string | null;
            /** @description What it is for. */
            description?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
            /**
             * Format: int64
             * @description Number of federated objects.
             */
            federatedObjects: number;
            /** @description Stable id. */
            id: components["schemas"]["ProjectId"];
            /** @description Labels that its namespace carries in all of them. */
            labels?: {
                [key: string]: string;
            };
            /** @description Unique name, the namespace's name. */
            name: components["schemas"]["ProjectName"];
            /**
             * Format: int64
             * @description Version for `If-Match`, also in the `ETag` header.
             */
            version: number;
            /** @description Its workspace. */
            workspace: components["schemas"]["WorkspaceName"];
        };
        /** @description What the caller may do in one project. */
        ProjectAccess: {
            /** @description Shown name. */
            displayName?: string | null;
            /** @description The project. */
            name: components["schemas"]["ProjectName"];
            /** @description Effective permissions there. */
            permissions: string[];
        };
        /** @description A new project. */
        ProjectCreate: {
            /** @description Clusters, among those granted to the workspace; absent = all of them. */
            clusters?: components["schemas"]["ClusterName"][] | null;
            /** @description What it is for. */
            description?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
            /** @description Unique name on the platform; becomes the namespace's name. */
            name: components["schemas"]["ProjectName"];
        };
        /**
         * Format: uuid
         * @description A project: one namespace of the same name in each of its clusters.
         */
        ProjectId: string;
        /** @description A project's name, unique on the platform because it is the namespace's name in every member. */
        ProjectName: string;
        /** @description Changes to a project; what is absent stays. */
        ProjectUpdate: {
            /** @description Clusters, replacing those of now. What was placed in a cluster that leaves is deleted there. */
            clusters?: components["schemas"]["ClusterName"][] | null;
            /** @description What it is for. */
            description?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
        };
        /**
         * @description What happens to objects that a deleted object owns.
         * @enum {string}
         */
        PropagationPolicy: "Orphan" | "Background" | "Foreground";
        /**
         * @description Whether every cluster gets the number or a share of it.
         * @enum {string}
         */
        ReplicaMode: "Duplicated" | "Divided";
        /** @description How replicas are spread over the selected clusters. */
        Replicas: {
            /** @description By cluster name, or `*` for every other; when empty, `*` with weight 1. */
            clusters?: {
                [key: string]: components["schemas"]["Preference"];
            };
            /** @description The same number everywhere, or a total that is divided. */
            mode?: components["schemas"]["ReplicaMode"];
            /** @description Whether running replicas may be moved to come closer to the weights; only for `Preferences`. */
            rebalance?: boolean;
            spread?: components["schemas"]["Spread"] | null;
            /** @description How it is divided. */
            strategy?: components["schemas"]["Strategy"];
            /**
             * Format: int64
             * @description What is divided; the template's number when absent.
             */
            total?: number | null;
        };
        /** @description One requirement of a selector. */
        Requirement: {
            /** @description Label or fact. */
            key: string;
            /** @description How it is compared. */
            operator: components["schemas"]["Operator"];
            /** @description With what. */
            values?: string[];
        };
        /** @description A change that was accepted. */
        Revision: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description Who. */
            author: string;
            /**
             * Format: int64
             * @description Generation that it made.
             */
            generation: number;
            /** @description The specification as of then. */
            spec: components["schemas"]["FederatedSpec"];
        };
        /** @description A role: a named set of permissions at a scope. */
        Role: {
            /** @description Fixed by the release. */
            builtIn: boolean;
            /** @description One line for people. */
            description: string;
            /** @description Name within its scope and owner. */
            name: components["schemas"]["Name"];
            /** @description Permissions that it gives. */
            permissions: string[];
            /** @description Where it can be bound. */
            scope: components["schemas"]["ScopeKind"];
        };
        /** @enum {string} */
        ScopeKind: "platform" | "cluster" | "workspace" | "project";
        /** @description A label selector; all its parts must match, and without any it matches every cluster. */
        Selector: {
            /** @description Requirements. */
            matchExpressions?: components["schemas"]["Requirement"][];
            /** @description Labels with exactly these values. */
            matchLabels?: {
                [key: string]: string;
            };
        };
        /** @description From the server. */
        ServerFrame: {
            /** @description The subscription. */
            id: string;
            /**
             * Format: int64
             * @description Revision from which changes will be told.
             */
            revision: number;
            /** @enum {string} */
            type: "subscribed";
        } | {
            /** @description The resource itself for topics of one federated object; otherwise absent: fetch it again. */
            data?: unknown;
            /** @description The subscription. */
            id: string;
            /**
             * Format: int64
             * @description Revision of the last change told.
             */
            revision: number;
            /** @enum {string} */
            type: "changed";
        } | {
            /** @description Stable code, as in errors of the REST API. */
            code: components["schemas"]["ErrorCode"];
            /** @description The subscription. */
            id: string;
            /** @description A sentence. */
            message: string;
            /** @enum {string} */
            type: "closed";
        };
        /** @description Makes the first administrator; possible once, with the one-time token of the printed link. */
        SetupRequest: {
            /** @description URL under which people and agents reach this server; tested from the server. */
            advertisedUrl?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
            language?: components["schemas"]["Language"] | null;
            /** @description Name of the first administrator. */
            name: components["schemas"]["UserName"];
            /** @description 8–128 characters; refused when common or containing the user name. */
            password: string;
            /** @description One-time token out of the setup link. */
            token: string;
        };
        /** @description Whether setup is still to be done. */
        SetupState: {
            /** @description True until the first administrator exists. */
            needed: boolean;
            /** @description Version of the server. */
            version: string;
        };
        /** @description Signs a browser in. */
        SignIn: {
            /** @description User name. */
            name: string;
            /** @description Password. */
            password: string;
        };
        /** @description Over which groups of clusters replicas are spread. */
        Spread: {
            /** @description What makes a group: a label or fact of clusters. */
            by?: components["schemas"]["Topology"];
            /**
             * Format: int64
             * @description No more groups than these are used.
             */
            maxGroups?: number | null;
            /**
             * Format: int64
             * @description Fewer groups than these are told as a fault; replicas are placed all the same.
             */
            minGroups?: number | null;
        };
        /**
         * @description How a total is divided.
         * @enum {string}
         */
        Strategy: "Weighted" | "Preferences" | "ByCapacity" | "Spread" | "Pack";
        /** @description A personal access token, without its secret. */
        Token: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it ends.
             */
            expiresAt: string;
            /** @description Stable id. */
            id: components["schemas"]["TokenId"];
            /**
             * Format: date-time
             * @description Last use, to the minute.
             */
            lastUsedAt?: string | null;
            /** @description Name among the owner's tokens. */
            name: components["schemas"]["Name"];
            /** @description Permissions it is limited to; absent = all of its owner's. */
            permissions?: string[] | null;
        };
        /** @description A new personal access token. */
        TokenCreate: {
            /**
             * Format: int32
             * @description Days until it expires, 1–366; 90 when absent.
             */
            expiresInDays?: number | null;
            /** @description Unique among the person's tokens. */
            name: components["schemas"]["Name"];
            /** @description Permissions it may use, at most those of its owner; absent = all of its owner's. */
            permissions?: string[] | null;
        };
        /** @description A token just made: the only time that its secret is shown. */
        TokenCreated: {
            /** @description `hanse_…`; cannot be read again. */
            secret: string;
            /** @description The token. */
            token: components["schemas"]["Token"];
        };
        /**
         * Format: uuid
         * @description A personal access token.
         */
        TokenId: string;
        /**
         * @description What groups clusters.
         * @enum {string}
         */
        Topology: "region" | "zone" | "provider";
        /** @description A kind that can be federated. */
        TypeInfo: {
            /** @description Whether it comes with the release. */
            builtIn: boolean;
            /** @description API group; empty for the core group. */
            group: string;
            /** @description Kind. */
            kind: string;
            /** @description Whether objects live in namespaces. */
            namespaced: boolean;
            /** @description `plural.group`, or `plural` for core kinds. */
            type: string;
            /** @description Version. */
            version: string;
        };
        /** @description Tests the URL to be advertised, from the server. */
        UrlTest: {
            /** @description One-time token out of the setup link. */
            token: string;
            /** @description The URL to test. */
            url: string;
        };
        /** @description What testing a URL found. */
        UrlTestResult: {
            /** @description What was seen, and what to do when it was not reachable. */
            message: string;
            /** @description Whether the server reached itself there. */
            reachable: boolean;
        };
        /** @description An account. */
        User: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description Shown name. */
            displayName?: string | null;
            /** @description E-mail address. */
            email?: string | null;
            /** @description Stable id. */
            id: components["schemas"]["UserId"];
            language?: components["schemas"]["Language"] | null;
            /**
             * Format: date-time
             * @description Last successful sign-in.
             */
            lastSignInAt?: string | null;
            /** @description Unique name. */
            name: components["schemas"]["UserName"];
            /** @description Platform roles. */
            roles: components["schemas"]["Name"][];
            /** @description State of the account. */
            state: components["schemas"]["UserState"];
        };
        /** @description A new account. */
        UserCreate: {
            /** @description Shown name. */
            displayName?: string | null;
            /** @description E-mail address. */
            email?: string | null;
            language?: components["schemas"]["Language"] | null;
            /** @description Unique name. */
            name: components["schemas"]["UserName"];
            /** @description First password; the person is expected to change it. */
            password: string;
            /** @description Platform roles to bind, by name. Needs every permission that they give. */
            roles?: components["schemas"]["Name"][];
        };
        /**
         * Format: uuid
         * @description A user account.
         */
        UserId: string;
        /** @description A user's name, unique on the platform. */
        UserName: string;
        /** @enum {string} */
        UserState: "active" | "disabled" | "locked" | "invited";
        /** @description Changes to an account; what is absent stays. */
        UserUpdate: {
            /** @description Shown name. */
            displayName?: string | null;
            /** @description E-mail address. */
            email?: string | null;
            language?: components["schemas"]["Language"] | null;
            /** @description Platform roles, replacing those bound now; never of one's own account. */
            roles?: components["schemas"]["Name"][] | null;
            state?: components["schemas"]["UserState"] | null;
        };
        /** @description A workspace. */
        Workspace: {
            /** @description Clusters granted to it. */
            clusters: components["schemas"]["ClusterName"][];
            /**
             * Format: date-time
             * @description When it was made.
             */
            createdAt: string;
            /** @description What it is for. */
            description?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
            /** @description Stable id. */
            id: components["schemas"]["WorkspaceId"];
            /**
             * Format: int64
             * @description Number of members with a role in the workspace itself.
             */
            members: number;
            /** @description Unique name. */
            name: components["schemas"]["WorkspaceName"];
            /**
             * Format: int64
             * @description Number of projects.
             */
            projects: number;
            /**
             * Format: int64
             * @description Version for `If-Match`, also in the `ETag` header.
             */
            version: number;
        };
        /** @description What the caller may do in one workspace. */
        WorkspaceAccess: {
            /** @description Shown name. */
            displayName?: string | null;
            /** @description The workspace. */
            name: components["schemas"]["WorkspaceName"];
            /** @description Effective permissions there. */
            permissions: string[];
            /** @description Projects that the caller may know. */
            projects: components["schemas"]["ProjectAccess"][];
        };
        /** @description A new workspace. */
        WorkspaceCreate: {
            /** @description Clusters granted to it. */
            clusters?: components["schemas"]["ClusterName"][];
            /** @description What it is for. */
            description?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
            /** @description Unique name. */
            name: components["schemas"]["WorkspaceName"];
            project?: components["schemas"]["ProjectCreate"] | null;
        };
        /**
         * Format: uuid
         * @description A workspace, the smallest tenant.
         */
        WorkspaceId: string;
        /** @description A workspace's name, unique on the platform. */
        WorkspaceName: string;
        /** @description Changes to a workspace; what is absent stays. */
        WorkspaceUpdate: {
            /** @description Clusters granted, replacing those granted now. A cluster that a project uses cannot be withdrawn. */
            clusters?: components["schemas"]["ClusterName"][] | null;
            /** @description What it is for. */
            description?: string | null;
            /** @description Shown name. */
            displayName?: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
