//! The engine's instants.

use hourglass_core::Timestamp;

/// An instant in UTC or with an offset, cut to milliseconds; `None` for what is none, or lies before 1970, which is how
/// the engine writes "never".
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let right = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !right || !fraction.bytes().all(|byte| byte.is_ascii_digit()) || year > 9999 {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    u64::try_from(seconds * 1000 + millis).ok().map(Timestamp::from_millis)
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}

/// Days since 1970-01-01, in years that begin in March so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        for (text, again) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            ("2000-02-29T00:00:00.5Z", "2000-02-29T00:00:00.500Z"),
            ("2026-11-22T23:10:11.123456789Z", "2026-11-22T23:10:11.123Z"),
            ("2026-11-23T01:10:11+02:00", "2026-11-22T23:10:11.000Z"),
            ("2100-02-28T23:59:59-00:30", "2100-03-01T00:29:59.000Z"),
        ] {
            assert_eq!(parse(text).map(Timestamp::to_rfc3339).as_deref(), Some(again), "{text}");
        }
        for text in ["", "0001-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01", "x", "2026-01-01T00:00:00.xZ"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
