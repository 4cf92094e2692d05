//! One example of each kind of record, for readers of the OpenAPI document. A test holds each to its kind's checks.

use serde_json::{Value, json};

use super::Resource;

const ID: &str = "01932d2a-7b4c-7c3a-9d5e-2f1a6b8c0d1e";

/// A body that can be sent, but for the ids in it.
pub fn of<E: Resource>() -> Value {
    match E::KIND {
        "term" => json!({"name": "Fall 2026", "first_on": "2026-08-10", "last_on": "2026-12-18"}),
        "district" => json!({"name": "Mesa Unified", "state": "AZ", "tz": "America/Phoenix"}),
        "school" => json!({"district_id": ID, "name": "Río Salado High"}),
        "calendar" => json!({"term_id": ID, "district_id": ID, "first_on": "2026-08-10", "last_on": "2026-12-18",
            "closed": ["2026-11-26", "2026-11-27"], "cycle": ["A", "B"], "bell_schedule": {"default": "regular", "weekdays": {"wed": "early"}}}),
        "bell_schedule" => {
            json!({"school_id": ID, "key": "regular", "periods": [{"id": "P1", "start": "08:00", "end": "08:50"}]})
        }
        "course" => json!({"name": "Algebra I", "areas": ["math"], "sced": "02052"}),
        "vacancy" => json!({"district_id": ID, "term_id": ID, "title": "Two sections of algebra", "status": "open"}),
        "section" => json!({"term_id": ID, "school_id": ID, "course_id": ID, "grades": ["09"],
            "meets": [{"period": "P1", "days": ["mon", "wed"]}], "students": 24}),
        "student" => json!({"district_id": ID, "key": "k-48151"}),
        "service_line" => {
            json!({"term_id": ID, "student_id": ID, "school_id": ID, "service": "speech-language", "areas": ["slp"],
            "grade": "03", "written": "individual, 30 min 2×/week",
            "windows": [{"days": ["mon", "tue", "thu"], "start": "09:00", "end": "11:30"}]})
        }
        "policy" => json!({"key": "short_period", "value": "prorate", "district_id": ID, "effective_on": "2026-07-01",
            "standing": "district_policy", "citation": "Board policy 7.12, adopted 2026-06-02"}),
        "service" => {
            json!({"term_id": ID, "student_id": ID, "school_id": ID, "service": "speech-language", "areas": ["slp"],
            "grade": "03", "minutes": 30, "times": 2, "per": "week",
            "windows": [{"days": ["mon", "tue", "thu"], "start": "09:00", "end": "11:30"}]})
        }
        "educator" => json!({"display_name": "R. Okafor", "tz": "America/New_York", "max_minutes_per_week": 1500,
            "languages": ["es"], "pay_cents_per_minute": 80}),
        "license" => json!({"educator_id": ID, "state": "AZ", "area": "math", "grades": ["09", "10"],
            "issued_on": "2024-07-01", "expires_on": "2027-06-30"}),
        "clearance" => json!({"educator_id": ID, "state": "AZ"}),
        "availability" => json!({"educator_id": ID, "days": ["mon", "tue"], "start": "08:00", "end": "16:00"}),
        "time_off" => json!({"educator_id": ID, "first_on": "2026-10-05", "last_on": "2026-10-09"}),
        "pin" | "incumbent" => json!({"term_id": ID, "section_id": ID, "educator_id": ID}),
        "veto" => json!({"educator_id": ID, "school_id": ID}),
        "together" => json!({"term_id": ID, "needs": [ID], "cents": 5000}),
        _ => Value::Null,
    }
}
