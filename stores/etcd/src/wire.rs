//! What is said to a server and what it answers, as JSON: numbers of 64 bits are texts there, keys
//! and values base64, and what is zero or empty is left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are base64 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes).map_err(D::Error::custom)
    }
}

/// A number that is a text in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(pub u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Number).map_err(D::Error::custom)
    }
}

fn is_zero(number: &Number) -> bool {
    number.0 == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What stands at the head of each answer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Header {
    pub cluster_id: Number,
    pub revision: Number,
}

/// Asks for keys.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RangeRequest {
    pub key: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_end: Option<Bytes>,
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: Number,
    /// The revision that is looked at; the newest without it.
    #[serde(skip_serializing_if = "is_zero")]
    pub revision: Number,
    /// The least revision of what is answered.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_mod_revision: Number,
    #[serde(skip_serializing_if = "is_false")]
    pub keys_only: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub count_only: bool,
    /// Whether the server may answer out of what it knows itself, which may be old.
    #[serde(skip_serializing_if = "is_false")]
    pub serializable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RangeAnswer {
    pub header: Header,
    pub kvs: Vec<KeyValue>,
    pub more: bool,
    /// How many there are, whatever was asked for.
    pub count: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KeyValue {
    pub key: Bytes,
    pub value: Bytes,
    pub mod_revision: Number,
}

/// Writes if all comparisons hold.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TxnRequest {
    pub compare: Vec<Compare>,
    pub success: Vec<Operation>,
}

/// That a key has a revision.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "target")]
pub(crate) enum Compare {
    /// That of its last write.
    #[serde(rename = "MOD")]
    Written { key: Bytes, mod_revision: Number },
    /// That of its first write; 0 if it is not there.
    #[serde(rename = "CREATE")]
    Created { key: Bytes, create_revision: Number },
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Operation {
    pub request_put: Put,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Put {
    pub key: Bytes,
    pub value: Bytes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TxnAnswer {
    pub header: Header,
    pub succeeded: bool,
}

/// Asks to be told of every write of some keys.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WatchRequest {
    pub create_request: Watch,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Watch {
    pub key: Bytes,
    pub range_end: Bytes,
    pub start_revision: Number,
    /// Whether an answer may be told in parts.
    pub fragment: bool,
}

/// A line of a watch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WatchLine {
    pub result: Option<WatchAnswer>,
    pub error: Option<Refusal>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WatchAnswer {
    pub header: Header,
    pub created: bool,
    pub canceled: bool,
    pub cancel_reason: String,
    /// What was asked for is no longer known before this revision.
    pub compact_revision: Number,
    /// Whether more of the same answer follows.
    pub fragment: bool,
    pub events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub kind: EventKind,
    pub kv: KeyValue,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum EventKind {
    #[default]
    #[serde(rename = "PUT")]
    Put,
    #[serde(rename = "DELETE")]
    Delete,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct AuthenticateRequest<'a> {
    pub name: &'a str,
    pub password: &'a str,
}

#[derive(Deserialize)]
pub(crate) struct AuthenticateAnswer {
    pub token: String,
}

/// Asks for what needs no words.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Nothing {}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MembersAnswer {
    pub header: Header,
    pub members: Vec<Member>,
}

/// A server of the cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Member {
    /// Empty until it was started once.
    pub name: String,
    #[serde(rename = "isLearner")]
    pub is_learner: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct VersionAnswer {
    pub etcdserver: String,
}

/// Why something is refused: gRPC's number for it, and words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refusal {
    #[serde(alias = "grpc_code")]
    pub code: u32,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_said_as_the_gateway_takes_it() {
        let key = Bytes(b"a".to_vec());
        let request = TxnRequest {
            compare: vec![
                Compare::Written { key: key.clone(), mod_revision: Number(7) },
                Compare::Created { key: key.clone(), create_revision: Number(0) },
            ],
            success: vec![Operation { request_put: Put { key, value: Bytes(vec![0]) } }],
        };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"compare":[{"target":"MOD","key":"YQ==","mod_revision":"7"},{"target":"CREATE","key":"YQ==","create_revision":"0"}],"success":[{"request_put":{"key":"YQ==","value":"AA=="}}]}"#
        );
    }

    #[test]
    fn a_read_says_only_what_is_asked() {
        let request = RangeRequest { key: Bytes(b"a".to_vec()), ..RangeRequest::default() };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(text, r#"{"key":"YQ=="}"#);
    }

    #[test]
    fn what_is_left_out_of_an_answer_is_nothing() {
        let text =
            r#"{"header":{"revision":"3"},"kvs":[{"key":"YQ==","mod_revision":"2"}],"new":1}"#;
        let answer: RangeAnswer = serde_json::from_str(text).unwrap();
        assert_eq!((answer.header.revision, answer.header.cluster_id), (Number(3), Number(0)));
        assert_eq!((&answer.kvs[0].value.0[..], answer.more), (b"".as_slice(), false));
        let line = r#"{"result":{"events":[{"type":"DELETE","kv":{"key":"YQ=="}},{"kv":{}}]}}"#;
        let line: WatchLine = serde_json::from_str(line).unwrap();
        let kinds: Vec<_> = line.result.unwrap().events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Delete, EventKind::Put]);
    }

    #[test]
    fn what_is_no_number_or_no_base64_is_no_answer() {
        assert!(serde_json::from_str::<Number>(r#""-1""#).is_err());
        assert!(serde_json::from_str::<Number>("1").is_err());
        assert!(serde_json::from_str::<Bytes>(r#""A""#).is_err());
    }
}
