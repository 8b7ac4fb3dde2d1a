//! Reading replies of the store, which are checked like anything from the network.

use redis::Value;

use super::error::StoreError;

/// A text.
pub(super) fn text(value: &Value) -> Result<&str, StoreError> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).map_err(|_| StoreError::Reply("UTF-8")),
        Value::SimpleString(text) => Ok(text),
        _ => Err(StoreError::Reply("a text")),
    }
}

/// An array.
pub(super) fn array(value: Value) -> Result<Vec<Value>, StoreError> {
    match value {
        Value::Array(values) | Value::Set(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        _ => Err(StoreError::Reply("an array")),
    }
}

/// An array of two elements.
pub(super) fn pair(value: Value) -> Result<(Value, Value), StoreError> {
    let two: Result<[Value; 2], _> = array(value)?.try_into();
    two.map(|[first, second]| (first, second)).map_err(|_| StoreError::Reply("two elements"))
}

/// A number.
pub(super) fn number(value: &Value) -> Result<u64, StoreError> {
    let number = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Nil => Some(0),
        _ => text(value)?.parse().ok(),
    };
    number.ok_or(StoreError::Reply("a number"))
}

/// The identifier of an element of a stream. Its order is that of the stream.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct StreamId(pub(super) u64, pub(super) u64);

impl StreamId {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (time, number) = text.split_once('-')?;
        Some(Self(time.parse().ok()?, number.parse().ok()?))
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}
