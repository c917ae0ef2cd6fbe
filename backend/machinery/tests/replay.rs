//! The same requests to a real kube-apiserver and to the machinery: objects, managed fields and errors must be equal.
//!
//! Every sequence is made from a number, which is printed when it fails; `HANSE_REPLAY=kind:number` plays that one
//! alone. The machinery is given the object as the apiserver had it before each request, so one difference does not
//! cause the next. Compared is everything but uid, versions and moments; that a moment is there is compared.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

#[path = "replay/custom.rs"]
mod custom;
#[path = "replay/errors.rs"]
mod errors;
#[path = "replay/kinds.rs"]
mod kinds;
#[path = "replay/model.rs"]
mod model;
#[path = "replay/play.rs"]
mod play;
#[path = "replay/protobuf.rs"]
mod protobuf;
#[path = "replay/random.rs"]
mod random;
