//! The catalogue of hard rules (H), soft terms (S), cautions (W) and input issues (P): code, title and remedy, once.

use serde::{Deserialize, Serialize};

macro_rules! catalogue {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $code:literal, $title:literal, $remedy:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($variant),+ }
        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            #[must_use]
            pub fn code(self) -> &'static str { match self { $(Self::$variant => $code),+ } }
            #[must_use]
            pub fn title(self) -> &'static str { match self { $(Self::$variant => $title),+ } }
            /// What a person can do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str { match self { $(Self::$variant => $remedy),+ } }
        }
    };
}

catalogue! {
    /// A rule that no schedule may break (specification §2). Codes are never reused.
    Rule {
        Form = "H00", "form", "name each need once, with ids that the problem has";
        License = "H01", "license", "add or renew a license row in the school's state, area and grades for all dates of the need";
        Clearance = "H02", "clearance", "clear the educator in the school's state";
        Language = "H03", "language", "choose an educator who has every language the need asks for";
        Veto = "H04", "veto", "lift the veto or choose another educator";
        Availability = "H05", "availability", "widen the educator's availability or choose another slot";
        Overlap = "H06", "overlap", "move one of the two, or shorten the buffer";
        Week = "H07", "weekly minutes", "raise the weekly limit or take work away";
        Day = "H08", "daily minutes", "raise the daily limit or take work away";
        Preps = "H09", "preps and sections", "raise the limit on preps or sections, or take work away";
        Caseload = "H10", "caseload", "raise the caseload limit or take a student away";
        Group = "H11", "group session", "split the group, or change the group limits of its members";
        Student = "H12", "student overlap", "move one of the student's sessions";
        Pattern = "H13", "session pattern", "place sessions on the grid, inside windows, on distinct days, no more than allowed";
        Bundle = "H14", "bundle", "give all sections of the bundle to one educator, or none";
        Pin = "H15", "pin", "give the need to the pinned educator, or lift the pin";
    }
}

catalogue! {
    /// A term of the cost, all in one sum of cents (specification §3). Codes are never reused.
    CostTerm {
        Unserved = "S01", "minutes not served", "see each unserved need: who is nearest, and what would change it";
        Pay = "S02", "pay", "choose educators who are paid less, or groups where they are allowed";
        Activation = "S03", "activation", "give the work to fewer educators";
        Prep = "S04", "preparation", "give each educator fewer courses";
        Split = "S05", "split", "let one educator serve needs that belong together";
        Change = "S06", "change", "leave needs with who serves them now";
    }
}

catalogue! {
    /// What no rule forbids and somebody should still know before they give a need to an educator by hand: they may
    /// override it with a reason. Codes are never reused.
    Caution {
        Displaces = "W01", "leaves another need to nobody", "choose somebody who has room, or see who could take the other need";
        Takes = "W02", "takes it from whoever serves it now", "leave it with whoever serves it now";
        Away = "W03", "days off", "choose somebody who is there on those days, or move the days off";
        Expires = "W04", "license ends soon after", "have the license renewed before the next term is planned";
        Full = "W05", "week nearly full", "choose somebody with more room, or raise the weekly limit";
        Splits = "W06", "splits what belongs together", "give it to whoever serves the needs that belong with it";
        Fewer = "W07", "fewer sessions than are owed", "choose somebody with more room in the student's windows";
    }
}

catalogue! {
    /// What can be wrong with an input file (specification §1). Codes are never reused.
    Flaw {
        Unreadable = "P001", "unreadable file", "give a file that exists and may be read, or - for standard input";
        Unwritable = "P002", "unwritable file", "give a path that may be written to";
        Json = "P003", "malformed JSON", "write one JSON document in UTF-8 (RFC 8259)";
        Format = "P004", "unknown format", "set format to the version that this program reads";
        UnknownField = "P005", "unknown field", "remove the field, or correct its name";
        MissingField = "P006", "missing field", "add the field";
        WrongType = "P007", "wrong type", "write a value of the expected type; numbers are whole";
        DuplicateKey = "P008", "field given twice", "keep one of the two";
        Nul = "P009", "NUL character", "remove the character";
        BadDate = "P010", "not a date", "write the date as YYYY-MM-DD";
        BadClock = "P011", "not a clock time", "write the time as HH:MM between 00:00 and 24:00";
        BadZone = "P012", "unknown zone", "write an IANA zone name, for example America/Phoenix";
        BadWeekday = "P013", "not a weekday", "write mon, tue, wed, thu, fri, sat or sun";
        BadGrade = "P014", "not a grade", "write PK, KG or 01 to 12";
        BadPer = "P015", "unknown period of a service", "write week, month or cycle";
        EmptyId = "P016", "empty id", "give it an id";
        DuplicateId = "P017", "duplicate id", "give every row an id of its own";
        Dangling = "P018", "dangling reference", "add the row that is meant, or correct the id";
        InvertedDates = "P019", "inverted dates", "let the last date be no earlier than the first";
        FarDate = "P020", "impossible date", "use a date between 1900 and 2099: zones are not known beyond";
        LongTerm = "P021", "long term", "plan one school year at a time";
        OutsideTerm = "P022", "calendar outside the term", "give the calendar of the years in which the term lies";
        InvertedClocks = "P023", "inverted clock times", "let the end be later than the start";
        StartAtMidnight = "P024", "start at 24:00", "write 00:00 for the start of a day; 24:00 only ends one";
        Number = "P025", "impossible number", "use a number in the range";
        EmptyList = "P026", "empty list", "list at least one";
        Repeated = "P027", "listed twice", "list it once";
        UnknownPeriod = "P028", "unknown period", "use a period that a bell schedule of the school has";
        UnknownDay = "P029", "unknown day", "use a weekday, or a cycle day where the service is owed per cycle";
        NoCycle = "P030", "no such cycle", "give the calendar a cycle with this day, or do not name it";
        CycleLabel = "P031", "cycle day named like a weekday", "call the cycle day something else";
        Times = "P032", "impossible number of times", "use no more times than the period has days; 1 to 4 per month";
        ShortWindows = "P033", "windows too short", "widen a window, or shorten the session";
        SecondRow = "P034", "second row for a need", "keep one row for each need";
        VetoedPin = "P035", "pin against a veto", "lift the pin or the veto";
        SplitPins = "P036", "pins split a bundle", "pin all sections of the bundle to one educator";
        HugeTotal = "P037", "costs beyond exact sums", "lower the weights, priorities or prices";
        ImpossiblePin = "P080", "pins that cannot be kept together", "lift one of the pins, or make room for it: availability, limits, times";
        UnknownNeed = "P081", "unknown need", "give the id of a section or a service of the problem";
        BrokenSchedule = "P082", "schedule that breaks a rule", "give a valid schedule of this problem; check says what is wrong";
        Refused = "P090", "refused record", "mend the field that is named, or what it refers to";
    }
}

/// Bad input: one finding, where it is, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Issue {
    /// `P…`, never reused.
    pub code: String,
    /// JSON pointer (RFC 6901) into the problem.
    pub pointer: String,
    pub cause: String,
    pub action: String,
}

impl Issue {
    #[must_use]
    pub fn new(flaw: Flaw, pointer: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { code: flaw.code().into(), pointer: pointer.into(), cause: cause.into(), action: flaw.remedy().into() }
    }
}
