"""Values that programs trip over, for every place that takes a text or a number."""

STRINGS = (
    "", " ", " 5", "5 ", "\t", "\n", "\r\n", "\0", "a\0b", "\x01", "\x1b[31m", "\x7f", "\x80", "\x85",
    # Other languages: SQL and its LIKE, formats, shells, templates, paths, markup, spreadsheets.
    "'", '"', "' OR 1=1 --", "'; DROP TABLE items; --", "1; SELECT pg_sleep(9)", "\\", "\\'", "%", "_",
    "%_%", "%s%s%n", "%(name)s", "{0}", "{0.__class__}", "{{7*7}}", "${7*7}", "${jndi:ldap://x/a}", "$(id)",
    "`id`", "|id", "../../etc/passwd", "..\\..\\x", "/etc/passwd", "C:\\x", "file:///etc/passwd",
    "http://127.0.0.1/", "<script>alert(1)</script>", "<!--", "]]>", "<?xml version='1.0'?>", "&amp;",
    "=1+1", "@SUM(A1)", "+1", "-1",
    # Unicode: what looks the same, what has no width, what turns round, what is not whole.
    "e\u0301", "\u00e9", "\ufb01", "\u0130", "\u0131", "\u00df", "\u1e9e", "\u212a", "\uff21",
    "\u0660\u0661", "\u200b", "\u200d", "\u202e", "\u2028", "\u2066", "\ufeff", "\ufffd", "\ufffe",
    "\uffff", "\U0010ffff", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001d54f",
    "Z\u0351\u036b\u0343" * 20,
    # What other programs take for nothing, for a truth or for a number.
    "null", "None", "nil", "undefined", "NULL", "true", "True", "false", "on", "NaN", "nan", "inf",
    "-Infinity", "0", "-0", "00", "01", "1.0", "1e3", "1e400", "0x10", "1_000", "1,000", "\u0663", "1/0",
    # Names that mean something to objects of some languages, and of ours.
    "__proto__", "constructor", "prototype", "toString", "__class__", "__init__", "self", "None.None",
    # Times that are none.
    "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:60Z",
    "2026-11-22T10:00:00", "2026-11-22", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "a" * 41,
    "a" * 65, "a" * 129, "a" * 201, "a" * 2001, "\U0001f600" * 300, "a" * 70_000,
)  # fmt: skip

NUMBERS = (
    "0", "-0", "-1", "1", "00", "01", "+1", "1.", ".5", "1.0", "1.5", "1E2", "1e", "1e-400", "1e400",
    "-1e400", "--1", "0x1F", "0b1", "0o7", "1_000", "NaN", "Infinity", "-Infinity", "nan",
    "9007199254740993", "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1000000000001", "1" + "0" * 30,
    "1" + "0" * 400, "9" * 5_000, "-" + "9" * 5_000, "0." + "0" * 5_000 + "1", "9" * 200_000,
)  # fmt: skip

# Text that is not UTF-8, or not well-formed.
BROKEN_UTF8 = (
    b"\xff", b"\xfe\xff", b"\x80", b"\xc0\xaf", b"\xc1\x81", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80",
    b"\xed\xb0\x80", b"\xf0\x28\x8c\x28", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
)  # fmt: skip

# What another type could be in the place of a value.
OTHERS = (
    None, True, False, 0, -1, 1.5, "", "x", [], {}, [[]], [{}], {"": None}, {"a": {"b": {}}},
    [None] * 1_000, {"$ref": "#"}, {"$ne": None}, {"__proto__": {"admin": True}}, [1, "2", None],
    "0" * 1_000,
)  # fmt: skip

IDS = (
    "0", "-1", "1.5", "9223372036854775807", "9223372036854775808", "9007199254740992",
    "18446744073709551616", "9" * 5_000, "null", "undefined", "NaN", "00000000-0000-0000-0000-000000000000",
    "5E2C1C56-0F2B-4C7E-9A55-0D2F6B1C8A11", "5e2c1c560f2b4c7e9a550d2f6b1c8a11",
    "{5e2c1c56-0f2b-4c7e-9a55-0d2f6b1c8a11}", "5e2c1c56-0f2b-4c7e-9a55-0d2f6b1c8a1",
    "5e2c1c56-0f2b-4c7e-9a55-0d2f6b1c8a11\n", "urn:uuid:5e2c1c56", "*", "~", "-",
)  # fmt: skip
