//! CEL as Kubernetes extends it, as far as our rules use it.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::types::{CelBool, CelInt, CelOptional, CelString};
use cel::common::value::Val;
use cel::objects::{Key, Map};
use cel::{Context, DeclarationError, Env, Program, Value as CelValue, extensions};
use hourglass_core::resources::Quantity;
use serde_json::Value;

/// The standard library, texts as `ext.Strings()` has them, and Kubernetes' quantities.
pub(super) fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings)?;
    cel::add_overload!(env, fn is_quantity: (CelString<'_>) -> CelBool)?;
    cel::add_overload!(env, fn quantity: (CelString<'_>) -> Result<CelString<'static>>)?;
    cel::add_member_overload!(env, fn is_integer: (CelString<'_>) -> CelBool)?;
    cel::add_member_overload!(env, fn as_integer: (CelString<'_>) -> Result<CelInt>)?;
    cel::add_member_overload!(env, fn compare_to: (CelString<'_>, CelString<'_>) -> CelInt)?;
    Ok(env)
}

fn is_quantity(text: &CelString<'_>) -> CelBool {
    text.inner().parse::<Quantity>().is_ok().into()
}

/// A quantity is a text here, whose alphabetical order is that of the amounts: rules can only compare quantities.
fn quantity(text: &CelString<'_>) -> Result<CelString<'static>, cel::ExecutionError> {
    let parsed = text.inner().parse::<Quantity>();
    let amount = parsed.map_err(|error| cel::ExecutionError::function_error("quantity", error))?;
    Ok(format!("{:040}", amount.millis()).into())
}

fn is_integer(quantity: &CelString<'_>) -> CelBool {
    quantity.inner().ends_with("000").into()
}

fn as_integer(quantity: &CelString<'_>) -> Result<CelInt, cel::ExecutionError> {
    let whole = quantity.inner().strip_suffix("000").and_then(|whole| whole.parse::<i64>().ok());
    whole.map(CelInt::from).ok_or_else(|| cel::ExecutionError::function_error("asInteger", "not a whole number"))
}

fn compare_to(one: &CelString<'_>, other: &CelString<'_>) -> CelInt {
    (one.inner().cmp(other.inner()) as i64).into()
}

/// Whether a rule holds; `compares` as `optionalOldSelf` in the schema, without an old object.
pub(super) fn holds(env: &Arc<Env>, program: &Program, value: &Value, compares: bool) -> Result<bool, String> {
    let mut context = Context::with_env(Arc::clone(env));
    context.add_variable_from_value("self", to_cel(value));
    if compares {
        let nothing: Box<dyn Val> = Box::new(CelOptional::none());
        context.add_variable_as_val("oldSelf", nothing);
    }
    match program.execute(&context) {
        Ok(CelValue::Bool(holds)) => Ok(holds),
        Ok(other) => Err(format!("the rule gives {other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Whole numbers are signed, as the API server has them.
fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => CelValue::Bool(*value),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| CelValue::Float(number.as_f64().unwrap_or(f64::NAN)), CelValue::Int)
        }
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let entries = fields.iter().map(|(name, value)| (Key::String(Arc::new(name.clone())), to_cel(value)));
            CelValue::Map(Map { map: Arc::new(entries.collect::<HashMap<_, _>>()) })
        }
    }
}
