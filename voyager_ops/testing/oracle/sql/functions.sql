-- Oracle's SQL functions, operators and implicit conversions. Errors are raised with SQLSTATE ORA00 and a message that
-- begins with Oracle's number.
CREATE FUNCTION ora.raise(message text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = message;
END
$$;

CREATE FUNCTION ora.setting(name text) RETURNS text LANGUAGE sql STABLE RETURN current_setting('ora.' || name, true);
CREATE FUNCTION ora.too_long(owner text, tab text, col text, actual int, maximum int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'ORA00',
    MESSAGE = format('ORA-12899: value too large for column "%s"."%s"."%s" (actual: %s, maximum: %s)', owner, tab, col, actual, maximum);
END
$$;

-- Of CLOBs and of the national character set's values Oracle counts the 16-bit units of UTF-16: a character beyond them is two.
CREATE FUNCTION ora.units(v text) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN char_length(v) + CASE WHEN octet_length(v) = char_length(v) THEN 0 ELSE regexp_count(v, '[\U00010000-\U0010FFFF]') END;
-- Units from ``start`` (from 1); half of a character is U+FFFD. U+FFFF, which is no character, stands for second halves.
CREATE FUNCTION ora.part(v text, start int, amount int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF octet_length(v) = char_length(v) OR v !~ '[\U00010000-\U0010FFFF]' THEN
    RETURN substr(v, start, amount);
  END IF;
  v := substr(regexp_replace(v, '([\U00010000-\U0010FFFF])', '\1' || U&'\FFFF', 'g'), start, amount);
  v := regexp_replace(v, '^' || U&'\FFFF' || '|[\U00010000-\U0010FFFF]$', U&'\FFFD', 'g');
  RETURN replace(v, U&'\FFFF', '');
END
$$;

-- ---------------------------------------------------------------------------------------------- moments and intervals
CREATE FUNCTION ora.ns_to_pg(ns numeric) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
  RETURN timestamp '1970-01-01' + make_interval(secs => ora.fdiv(ns, 1000000000)::float8);
CREATE FUNCTION ora.ns_of(t timestamp) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN trunc(extract(epoch FROM t) * 1000000000);
CREATE FUNCTION ora.ns_fraction(ns numeric) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN mod(mod(ns, 1000000000) + 1000000000, 1000000000)::int;
CREATE FUNCTION ora.tz_offset_of(zone text) RETURNS int LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  m text[] := regexp_match(zone, '^\s*([+-])?(\d{1,2}):(\d{2})\s*$');
BEGIN
  IF m IS NOT NULL THEN
    RETURN (CASE m[1] WHEN '-' THEN -1 ELSE 1 END) * (m[2]::int * 60 + m[3]::int);
  END IF;
  RETURN (extract(epoch FROM (now() AT TIME ZONE zone) - (now() AT TIME ZONE 'UTC')) / 60)::int;
EXCEPTION WHEN invalid_parameter_value THEN
  RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01882: timezone region not found';
END
$$;
CREATE FUNCTION ora.session_offset() RETURNS int LANGUAGE sql STABLE RETURN coalesce(ora.setting('offset')::int, 0);
CREATE FUNCTION ora.offset_text(minutes int) RETURNS text LANGUAGE sql IMMUTABLE STRICT
  RETURN (CASE WHEN minutes < 0 THEN '-' ELSE '+' END) || lpad((abs(minutes) / 60)::text, 2, '0') || ':' || lpad((abs(minutes) % 60)::text, 2, '0');
CREATE FUNCTION ora.make_tstz(utc_ns numeric, minutes int) RETURNS ora.tstz LANGUAGE sql IMMUTABLE STRICT
  RETURN (utc_ns * 4096 + minutes + 2048)::ora.tstz;

CREATE FUNCTION ora.to_ts(d ora.date) RETURNS ora.ts LANGUAGE sql IMMUTABLE STRICT RETURN ora.ns_of(d::timestamp)::ora.ts;
CREATE FUNCTION ora.to_ts(z ora.tstz) RETURNS ora.ts LANGUAGE sql IMMUTABLE STRICT RETURN (ora.tstz_utc(z) + ora.tstz_off(z)::numeric * 60000000000)::ora.ts;
CREATE FUNCTION ora.to_ts(z ora.tsltz) RETURNS ora.ts LANGUAGE sql STABLE STRICT RETURN (z::numeric + ora.session_offset()::numeric * 60000000000)::ora.ts;
CREATE FUNCTION ora.to_date_(t ora.ts) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.ns_to_pg(t::numeric)::ora.date;
CREATE FUNCTION ora.to_date_(t ora.tstz) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.to_date_(ora.to_ts(t));
CREATE FUNCTION ora.to_date_(t ora.tsltz) RETURNS ora.date LANGUAGE sql STABLE STRICT RETURN ora.to_date_(ora.to_ts(t));
CREATE FUNCTION ora.to_tstz(t ora.ts) RETURNS ora.tstz LANGUAGE sql STABLE STRICT
  RETURN ora.make_tstz(t::numeric - ora.session_offset()::numeric * 60000000000, ora.session_offset());
CREATE FUNCTION ora.to_tstz(d ora.date) RETURNS ora.tstz LANGUAGE sql STABLE STRICT RETURN ora.to_tstz(ora.to_ts(d));
CREATE FUNCTION ora.to_tstz(t ora.tsltz) RETURNS ora.tstz LANGUAGE sql STABLE STRICT RETURN ora.make_tstz(t::numeric, ora.session_offset());
CREATE FUNCTION ora.to_tsltz(t ora.ts) RETURNS ora.tsltz LANGUAGE sql STABLE STRICT RETURN (t::numeric - ora.session_offset()::numeric * 60000000000)::ora.tsltz;
CREATE FUNCTION ora.to_tsltz(d ora.date) RETURNS ora.tsltz LANGUAGE sql STABLE STRICT RETURN ora.to_tsltz(ora.to_ts(d));
CREATE FUNCTION ora.to_tsltz(t ora.tstz) RETURNS ora.tsltz LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc(t)::ora.tsltz;
CREATE CAST (ora.date AS ora.ts) WITH FUNCTION ora.to_ts(ora.date) AS IMPLICIT;
CREATE CAST (ora.date AS ora.tstz) WITH FUNCTION ora.to_tstz(ora.date) AS IMPLICIT;
CREATE CAST (ora.date AS ora.tsltz) WITH FUNCTION ora.to_tsltz(ora.date) AS ASSIGNMENT;
CREATE CAST (ora.ts AS ora.tstz) WITH FUNCTION ora.to_tstz(ora.ts) AS IMPLICIT;
CREATE CAST (ora.ts AS ora.tsltz) WITH FUNCTION ora.to_tsltz(ora.ts) AS ASSIGNMENT;
CREATE CAST (ora.tsltz AS ora.tstz) WITH FUNCTION ora.to_tstz(ora.tsltz) AS IMPLICIT;
CREATE CAST (ora.ts AS ora.date) WITH FUNCTION ora.to_date_(ora.ts) AS ASSIGNMENT;
CREATE CAST (ora.tstz AS ora.date) WITH FUNCTION ora.to_date_(ora.tstz) AS ASSIGNMENT;
CREATE CAST (ora.tsltz AS ora.date) WITH FUNCTION ora.to_date_(ora.tsltz) AS ASSIGNMENT;
CREATE CAST (ora.tstz AS ora.ts) WITH FUNCTION ora.to_ts(ora.tstz) AS ASSIGNMENT;
CREATE CAST (ora.tsltz AS ora.ts) WITH FUNCTION ora.to_ts(ora.tsltz) AS ASSIGNMENT;
CREATE CAST (ora.tstz AS ora.tsltz) WITH FUNCTION ora.to_tsltz(ora.tstz) AS ASSIGNMENT;

-- The digits of the fraction, when a column or CAST asks for fewer than nine.
CREATE FUNCTION ora.ts_round(v ora.ts, typmod int) RETURNS ora.ts LANGUAGE sql IMMUTABLE STRICT
  RETURN round(v::numeric, ((typmod - 4) >> 16) - 10)::ora.ts;
CREATE FUNCTION ora.tsltz_round(v ora.tsltz, typmod int) RETURNS ora.tsltz LANGUAGE sql IMMUTABLE STRICT
  RETURN round(v::numeric, ((typmod - 4) >> 16) - 10)::ora.tsltz;
CREATE FUNCTION ora.tstz_round(v ora.tstz, typmod int) RETURNS ora.tstz LANGUAGE sql IMMUTABLE STRICT
  RETURN ora.make_tstz(round(ora.tstz_utc(v), ((typmod - 4) >> 16) - 10), ora.tstz_off(v));
-- INTERVAL DAY(p) TO SECOND(s): s + 1 as the precision, p as the scale of the modifier.
CREATE FUNCTION ora.ids_round(v ora.ids, typmod int) RETURNS ora.ids LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  n numeric := round(v::numeric, ((typmod - 4) >> 16) - 10);
BEGIN
  IF abs(n) >= 86400000000000 * power(10::numeric, (typmod - 4) & 2047) THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01873: the leading precision of the interval is too small';
  END IF;
  RETURN n::ora.ids;
END
$$;
CREATE FUNCTION ora.iym_round(v ora.iym, typmod int) RETURNS ora.iym LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF abs(v::numeric) >= 12 * power(10::numeric, (typmod - 4) >> 16) THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01873: the leading precision of the interval is too small';
  END IF;
  RETURN v;
END
$$;
CREATE CAST (ora.ts AS ora.ts) WITH FUNCTION ora.ts_round(ora.ts, int) AS IMPLICIT;
CREATE CAST (ora.tstz AS ora.tstz) WITH FUNCTION ora.tstz_round(ora.tstz, int) AS IMPLICIT;
CREATE CAST (ora.tsltz AS ora.tsltz) WITH FUNCTION ora.tsltz_round(ora.tsltz, int) AS IMPLICIT;
CREATE CAST (ora.ids AS ora.ids) WITH FUNCTION ora.ids_round(ora.ids, int) AS IMPLICIT;
CREATE CAST (ora.iym AS ora.iym) WITH FUNCTION ora.iym_round(ora.iym, int) AS IMPLICIT;

CREATE FUNCTION ora.sysdate() RETURNS ora.date LANGUAGE sql STABLE RETURN date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC')::ora.date;
CREATE FUNCTION ora.systimestamp() RETURNS ora.tstz LANGUAGE sql STABLE RETURN ora.make_tstz(ora.ns_of(statement_timestamp() AT TIME ZONE 'UTC'), 0);
CREATE FUNCTION ora.current_date() RETURNS ora.date LANGUAGE sql STABLE
  RETURN (date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') + make_interval(mins => ora.session_offset()))::ora.date;
CREATE FUNCTION ora.current_timestamp() RETURNS ora.tstz LANGUAGE sql STABLE
  RETURN ora.make_tstz(ora.ns_of(statement_timestamp() AT TIME ZONE 'UTC'), ora.session_offset());
CREATE FUNCTION ora.localtimestamp() RETURNS ora.ts LANGUAGE sql STABLE RETURN ora.to_ts(ora.current_timestamp());
CREATE FUNCTION ora.sessiontimezone() RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.offset_text(ora.session_offset())::ora.varchar2;
CREATE FUNCTION ora.dbtimezone() RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN '+00:00'::ora.varchar2;
CREATE FUNCTION ora.sys_extract_utc(t ora.tstz) RETURNS ora.ts LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc(t)::ora.ts;
CREATE FUNCTION ora.from_tz(t ora.ts, zone text) RETURNS ora.tstz LANGUAGE sql STABLE STRICT
  RETURN ora.make_tstz(t::numeric - ora.tz_offset_of(zone)::numeric * 60000000000, ora.tz_offset_of(zone));
CREATE FUNCTION ora.at_time_zone(t ora.tstz, zone text) RETURNS ora.tstz LANGUAGE sql STABLE STRICT
  RETURN ora.make_tstz(ora.tstz_utc(t), ora.tz_offset_of(zone));

-- How many digits stand before the point; of numbers below 1 less than 0: how many zeros behind it.
CREATE FUNCTION ora.magnitude(v numeric) RETURNS int LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN v = 0 THEN 0 WHEN abs(v) >= 1 THEN length(trunc(abs(v))::text)
    ELSE -length(substring(abs(v)::text FROM '^0\.(0*)')) END;
-- What a NUMBER holds: 20 digits to the base 100.
CREATE FUNCTION ora.to_number20(v numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  n int := ora.magnitude(v);
  r numeric := round(v, 40 - 2 * CASE WHEN n > 0 THEN (n + 1) / 2 ELSE n / 2 END);
BEGIN
  IF abs(r) >= 1e126 THEN
    PERFORM ora.raise('ORA-01426: numeric overflow');
  END IF;
  RETURN CASE WHEN abs(r) < 1e-130 THEN 0 ELSE trim_scale(r) END;
END
$$;
-- What a FLOAT(b) holds: as many decimal digits as b bits are worth.
CREATE FUNCTION ora.to_float(v numeric, bits int) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN v = 0 THEN 0 ELSE ora.to_number20(trim_scale(round(v, ceil(bits * 0.30103)::int - ora.magnitude(v)))) END;
-- To 40 significant digits, as NUMBER has them: the integers' quotient at a scale that leaves a few more.
CREATE FUNCTION ora.div(a numeric, b numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  e int;
BEGIN
  IF b = 0 THEN PERFORM ora.raise('ORA-01476: divisor is equal to zero'); END IF;
  IF a = 0 THEN RETURN 0; END IF;
  e := 42 - floor(log(abs(a)) - log(abs(b)))::int;
  IF e <= 0 THEN RETURN round(a / b); END IF;
  RETURN trim_scale(round(div(a * ('1e' || e)::numeric, b) * ('1e-' || e)::numeric, e - 3));
END
$$;
CREATE FUNCTION ora.div(a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN b = 0 THEN CASE WHEN a = 0 OR a = 'NaN' THEN 'NaN'::float8 WHEN a > 0 THEN 'Infinity'::float8 ELSE '-Infinity'::float8 END ELSE a / b END;
-- DATE and TIMESTAMP arithmetic.
CREATE FUNCTION ora.date_plus(d ora.date, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT
  RETURN (d::timestamp + make_interval(secs => round(n * 86400)::float8))::ora.date;
CREATE FUNCTION ora.date_plus(n numeric, d ora.date) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.date_plus(d, n);
CREATE FUNCTION ora.date_minus(d ora.date, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.date_plus(d, -n);
CREATE FUNCTION ora.date_minus(a ora.date, b ora.date) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN ora.div(extract(epoch FROM a::timestamp - b::timestamp)::numeric, 86400);
CREATE FUNCTION ora.date_minus(d ora.date, i ora.ids) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.ns_to_pg(ora.ns_of(d::timestamp) - i::numeric)::ora.date;
CREATE FUNCTION ora.date_plus(d ora.date, i ora.ids) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.ns_to_pg(ora.ns_of(d::timestamp) + i::numeric)::ora.date;
CREATE FUNCTION ora.date_plus(d ora.date, i ora.iym) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN (d::timestamp + make_interval(months => i::numeric::int))::ora.date;
CREATE FUNCTION ora.date_minus(d ora.date, i ora.iym) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN (d::timestamp - make_interval(months => i::numeric::int))::ora.date;
CREATE FUNCTION ora.ts_minus(a ora.ts, b ora.ts) RETURNS ora.ids LANGUAGE sql IMMUTABLE STRICT RETURN (a::numeric - b::numeric)::ora.ids;
CREATE FUNCTION ora.ts_minus(a ora.tstz, b ora.tstz) RETURNS ora.ids LANGUAGE sql IMMUTABLE STRICT RETURN (ora.tstz_utc(a) - ora.tstz_utc(b))::ora.ids;
CREATE FUNCTION ora.ts_plus(t ora.ts, i ora.ids) RETURNS ora.ts LANGUAGE sql IMMUTABLE STRICT RETURN (t::numeric + i::numeric)::ora.ts;
CREATE FUNCTION ora.ts_minus(t ora.ts, i ora.ids) RETURNS ora.ts LANGUAGE sql IMMUTABLE STRICT RETURN (t::numeric - i::numeric)::ora.ts;
CREATE FUNCTION ora.ts_plus(t ora.tstz, i ora.ids) RETURNS ora.tstz LANGUAGE sql IMMUTABLE STRICT RETURN ora.make_tstz(ora.tstz_utc(t) + i::numeric, ora.tstz_off(t));
CREATE FUNCTION ora.ts_minus(t ora.tstz, i ora.ids) RETURNS ora.tstz LANGUAGE sql IMMUTABLE STRICT RETURN ora.make_tstz(ora.tstz_utc(t) - i::numeric, ora.tstz_off(t));
CREATE FUNCTION ora.ts_plus(t ora.ts, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.date_plus(ora.to_date_(t), n);
CREATE FUNCTION ora.ts_minus(t ora.ts, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.date_plus(ora.to_date_(t), -n);
CREATE FUNCTION ora.ts_plus(t ora.tstz, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.date_plus(ora.to_date_(t), n);
CREATE FUNCTION ora.ts_minus(t ora.tstz, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.date_plus(ora.to_date_(t), -n);
CREATE FUNCTION ora.ids_plus(a ora.ids, b ora.ids) RETURNS ora.ids LANGUAGE sql IMMUTABLE STRICT RETURN (a::numeric + b::numeric)::ora.ids;
CREATE FUNCTION ora.ids_minus(a ora.ids, b ora.ids) RETURNS ora.ids LANGUAGE sql IMMUTABLE STRICT RETURN (a::numeric - b::numeric)::ora.ids;
CREATE FUNCTION ora.ids_times(a ora.ids, b numeric) RETURNS ora.ids LANGUAGE sql IMMUTABLE STRICT RETURN trunc(a::numeric * b)::ora.ids;
CREATE FUNCTION ora.iym_plus(a ora.iym, b ora.iym) RETURNS ora.iym LANGUAGE sql IMMUTABLE STRICT RETURN (a::numeric + b::numeric)::ora.iym;
CREATE OPERATOR ora.+ (FUNCTION = ora.date_plus, LEFTARG = ora.date, RIGHTARG = numeric);
CREATE OPERATOR ora.+ (FUNCTION = ora.date_plus, LEFTARG = numeric, RIGHTARG = ora.date);
CREATE OPERATOR ora.- (FUNCTION = ora.date_minus, LEFTARG = ora.date, RIGHTARG = numeric);
CREATE OPERATOR ora.- (FUNCTION = ora.date_minus, LEFTARG = ora.date, RIGHTARG = ora.date);
CREATE OPERATOR ora.+ (FUNCTION = ora.date_plus, LEFTARG = ora.date, RIGHTARG = ora.ids);
CREATE OPERATOR ora.- (FUNCTION = ora.date_minus, LEFTARG = ora.date, RIGHTARG = ora.ids);
CREATE FUNCTION ora.ids_plus(i ora.ids, d ora.date) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.date_plus(d, i);
CREATE FUNCTION ora.ids_plus(i ora.ids, t ora.ts) RETURNS ora.ts LANGUAGE sql IMMUTABLE STRICT RETURN ora.ts_plus(t, i);
CREATE OPERATOR ora.+ (FUNCTION = ora.ids_plus, LEFTARG = ora.ids, RIGHTARG = ora.date);
CREATE OPERATOR ora.+ (FUNCTION = ora.ids_plus, LEFTARG = ora.ids, RIGHTARG = ora.ts);
CREATE OPERATOR ora.+ (FUNCTION = ora.date_plus, LEFTARG = ora.date, RIGHTARG = ora.iym);
CREATE OPERATOR ora.- (FUNCTION = ora.date_minus, LEFTARG = ora.date, RIGHTARG = ora.iym);
CREATE OPERATOR ora.- (FUNCTION = ora.ts_minus, LEFTARG = ora.ts, RIGHTARG = ora.ts);
CREATE OPERATOR ora.- (FUNCTION = ora.ts_minus, LEFTARG = ora.tstz, RIGHTARG = ora.tstz);
CREATE OPERATOR ora.+ (FUNCTION = ora.ts_plus, LEFTARG = ora.ts, RIGHTARG = ora.ids);
CREATE OPERATOR ora.- (FUNCTION = ora.ts_minus, LEFTARG = ora.ts, RIGHTARG = ora.ids);
CREATE OPERATOR ora.+ (FUNCTION = ora.ts_plus, LEFTARG = ora.tstz, RIGHTARG = ora.ids);
CREATE OPERATOR ora.- (FUNCTION = ora.ts_minus, LEFTARG = ora.tstz, RIGHTARG = ora.ids);
CREATE OPERATOR ora.+ (FUNCTION = ora.ts_plus, LEFTARG = ora.ts, RIGHTARG = numeric);
CREATE OPERATOR ora.- (FUNCTION = ora.ts_minus, LEFTARG = ora.ts, RIGHTARG = numeric);
CREATE OPERATOR ora.+ (FUNCTION = ora.ts_plus, LEFTARG = ora.tstz, RIGHTARG = numeric);
CREATE OPERATOR ora.- (FUNCTION = ora.ts_minus, LEFTARG = ora.tstz, RIGHTARG = numeric);
CREATE OPERATOR ora.+ (FUNCTION = ora.ids_plus, LEFTARG = ora.ids, RIGHTARG = ora.ids);
CREATE OPERATOR ora.- (FUNCTION = ora.ids_minus, LEFTARG = ora.ids, RIGHTARG = ora.ids);
CREATE OPERATOR ora.* (FUNCTION = ora.ids_times, LEFTARG = ora.ids, RIGHTARG = numeric);
CREATE OPERATOR ora.+ (FUNCTION = ora.iym_plus, LEFTARG = ora.iym, RIGHTARG = ora.iym);

CREATE FUNCTION ora.ids_unit(unit text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE upper(unit) WHEN 'DAY' THEN 86400000000000 WHEN 'HOUR' THEN 3600000000000 WHEN 'MINUTE' THEN 60000000000 WHEN 'SECOND' THEN 1000000000 END::numeric;
CREATE FUNCTION ora.numtodsinterval(n numeric, unit text) RETURNS ora.ids LANGUAGE sql IMMUTABLE STRICT RETURN trunc(n * ora.ids_unit(unit))::ora.ids;
CREATE FUNCTION ora.numtoyminterval(n numeric, unit text) RETURNS ora.iym LANGUAGE sql IMMUTABLE STRICT
  RETURN round(n * CASE upper(unit) WHEN 'YEAR' THEN 12 ELSE 1 END)::ora.iym;
CREATE FUNCTION ora.to_dsinterval(v text) RETURNS ora.ids LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  m text[] := regexp_match(v, '^\s*([+-])?\s*(\d+)(?:\s+(\d+)(?::(\d+)(?::(\d+)(?:\.(\d*))?)?)?)?\s*$');
  n numeric;
BEGIN
  IF m IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01867: the interval is invalid';
  END IF;
  n := m[2]::numeric * 86400 + coalesce(m[3], '0')::numeric * 3600 + coalesce(m[4], '0')::numeric * 60 + coalesce(m[5], '0')::numeric;
  n := n * 1000000000 + rpad(left(coalesce(m[6], ''), 9), 9, '0')::numeric;
  RETURN (CASE m[1] WHEN '-' THEN -n ELSE n END)::ora.ids;
END
$$;
CREATE FUNCTION ora.to_yminterval(v text) RETURNS ora.iym LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  m text[] := regexp_match(v, '^\s*([+-])?\s*(\d+)-(\d+)\s*$');
  n numeric;
BEGIN
  IF m IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01867: the interval is invalid';
  END IF;
  n := m[2]::numeric * 12 + m[3]::numeric;
  RETURN (CASE m[1] WHEN '-' THEN -n ELSE n END)::ora.iym;
END
$$;
-- INTERVAL '..' first TO last
CREATE FUNCTION ora.interval_literal(v text, first text, last text) RETURNS ora.ids LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  negative boolean := v ~ '^\s*-';
  parts text[] := regexp_split_to_array(btrim(v, ' +-'), '[ :]');
  units text[] := ARRAY['DAY', 'HOUR', 'MINUTE', 'SECOND'];
  n numeric := 0;
  i int := array_position(units, first);
BEGIN
  FOR k IN 1 .. cardinality(parts) LOOP
    n := n + parts[k]::numeric * ora.ids_unit(units[i + k - 1]);
  END LOOP;
  n := round(n);
  RETURN (CASE WHEN negative THEN -n ELSE n END)::ora.ids;
END
$$;
CREATE FUNCTION ora.interval_months(v text, first text, last text) RETURNS ora.iym LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN v ~ '-\d+\s*$' AND last = 'MONTH' AND first = 'YEAR' THEN ora.to_yminterval(v)
              ELSE (btrim(v)::numeric * CASE first WHEN 'YEAR' THEN 12 ELSE 1 END)::ora.iym END;
CREATE FUNCTION ora.ids_text(v ora.ids, day_digits int DEFAULT 9, second_digits int DEFAULT 9) RETURNS text LANGUAGE sql IMMUTABLE STRICT
  RETURN (CASE WHEN v::numeric < 0 THEN '-' ELSE '+' END)
    || lpad(div(abs(v::numeric), 86400000000000)::text, greatest(day_digits, length(div(abs(v::numeric), 86400000000000)::text)), '0') || ' '
    || lpad((div(abs(v::numeric), 3600000000000) % 24)::text, 2, '0') || ':' || lpad((div(abs(v::numeric), 60000000000) % 60)::text, 2, '0')
    || ':' || lpad((div(abs(v::numeric), 1000000000) % 60)::text, 2, '0')
    || CASE WHEN second_digits > 0 THEN '.' || left(lpad((abs(v::numeric) % 1000000000)::bigint::text, 9, '0'), second_digits) ELSE '' END;
CREATE FUNCTION ora.iym_text(v ora.iym, year_digits int DEFAULT 2) RETURNS text LANGUAGE sql IMMUTABLE STRICT
  RETURN (CASE WHEN v::numeric < 0 THEN '-' ELSE '+' END)
    || lpad(div(abs(v::numeric), 12)::text, greatest(year_digits, length(div(abs(v::numeric), 12)::text)), '0') || '-'
    || lpad((abs(v::numeric) % 12)::int::text, 2, '0');

-- ------------------------------------------------------------------------------------------------------ format models
-- Oracle's format model of a moment as PostgreSQL's; what PostgreSQL lacks becomes \x01 and a letter, put in by ora.fmt.
CREATE FUNCTION ora.mask(model text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  rest text := model;
  result text := '';
  m text[];
  u text;
BEGIN
  WHILE rest <> '' LOOP
    m := regexp_match(rest, '^("[^"]*"|SYYYY|YYYY|RRRR|RR|YYY|YY|Y|MONTH|MON|MM|MI|DDD|DD|DAY|DY|D|HH24|HH12|HH|SSSSS|SS|FF[1-9]?|TZH|TZM|TZR|TZD|X|AM|PM|A\.M\.|P\.M\.|BC|AD|B\.C\.|A\.D\.|CC|Q|WW|W|IW|IYYY|IY|I|J|FM|FX|[-/,.;: ]|.)', 'i');
    u := upper(m[1]);
    result := result || CASE
      WHEN u = 'SYYYY' THEN '"' || chr(1) || 'S"YYYY'
      WHEN u = 'RRRR' THEN 'YYYY' WHEN u = 'RR' THEN 'YY'
      WHEN u = 'TZH' THEN '"' || chr(1) || 'H"' WHEN u = 'TZM' THEN '"' || chr(1) || 'M"' WHEN u = 'TZR' THEN '"' || chr(1) || 'R"'
      WHEN u = 'TZD' THEN '' WHEN u = 'FX' THEN ''
      WHEN u = 'X' THEN '.'
      WHEN u ~ '^FF[1-9]$' THEN '"' || chr(1) || right(u, 1) || '"' WHEN u = 'FF' THEN '"' || chr(1) || '0"'
      WHEN u ~ '^[A-Z]' AND u !~ '^(MONTH|MON|DAY|DY|"|AM|PM|A|P|B)' AND length(u) = 1 AND u !~ '^[YDQWIJ]$' THEN
        CASE WHEN ora.raise('ORA-01821: date format not recognized') THEN '' END
      WHEN u ~ '^(MONTH|MON|DAY|DY)$' THEN m[1]
      WHEN m[1] ~ '^"' THEN m[1] ELSE u END;
    rest := substr(rest, length(m[1]) + 1);
  END LOOP;
  RETURN result;
END
$$;
CREATE FUNCTION ora.fmt(t timestamp, ns int, digits int, minutes int, mask text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  r text := to_char(t, mask);
  f text;
BEGIN
  IF position(chr(1) IN r) = 0 THEN
    RETURN r;
  END IF;
  f := lpad(coalesce(ns, 0)::text, 9, '0');
  r := replace(r, chr(1) || 'S', CASE WHEN extract(year FROM t) < 0 THEN '-' ELSE ' ' END);
  r := replace(r, chr(1) || '0', left(f, coalesce(digits, 6)));
  FOR i IN 1 .. 9 LOOP
    r := replace(r, chr(1) || i, left(f, i));
  END LOOP;
  IF position(chr(1) IN r) > 0 THEN
    r := replace(r, chr(1) || 'H', left(ora.offset_text(coalesce(minutes, 0)), 3));
    r := replace(r, chr(1) || 'M', right(ora.offset_text(coalesce(minutes, 0)), 2));
    r := replace(r, chr(1) || 'R', ora.offset_text(coalesce(minutes, 0)));
  END IF;
  RETURN r;
END
$$;
-- PostgreSQL's own, which is declared STABLE for the sake of names of months; C.UTF-8 knows only one language.
CREATE FUNCTION ora.pg_to_char(timestamp, text) RETURNS text LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'timestamp_to_char';
CREATE FUNCTION ora.plain(mask text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN position(chr(1) IN mask) = 0;

CREATE FUNCTION ora.to_char(v ora.date, model text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE
  RETURN (CASE WHEN ora.plain(ora.mask(model)) THEN ora.pg_to_char(v::timestamp, ora.mask(model))
               WHEN v IS NOT NULL THEN ora.fmt(v::timestamp, 0, 0, 0, ora.mask(model)) END)::ora.varchar2;
CREATE FUNCTION ora.to_char(v ora.ts, model text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE
  RETURN (CASE WHEN v IS NOT NULL AND model IS NOT NULL THEN ora.fmt(ora.ns_to_pg(v::numeric), ora.ns_fraction(v::numeric), 9, 0, ora.mask(model)) END)::ora.varchar2;
CREATE FUNCTION ora.to_char(v ora.tstz, model text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE
  RETURN (CASE WHEN v IS NOT NULL AND model IS NOT NULL THEN
    ora.fmt(ora.ns_to_pg(ora.to_ts(v)::numeric), ora.ns_fraction(ora.to_ts(v)::numeric), 9, ora.tstz_off(v), ora.mask(model)) END)::ora.varchar2;
CREATE FUNCTION ora.to_char(v ora.tsltz, model text) RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.to_char(ora.to_tstz(v), model);
CREATE FUNCTION ora.to_char(v ora.date) RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.to_char(v, ora.setting('nls_date_format'));
CREATE FUNCTION ora.to_char(v ora.ts) RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.to_char(v, ora.setting('nls_timestamp_format'));
CREATE FUNCTION ora.to_char(v ora.tstz) RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.to_char(v, ora.setting('nls_timestamp_tz_format'));
CREATE FUNCTION ora.to_char(v ora.tsltz) RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.to_char(v, ora.setting('nls_timestamp_format'));
CREATE FUNCTION ora.to_char(v ora.ids) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN ora.ids_text(v, 9, 9)::ora.varchar2;
CREATE FUNCTION ora.to_char(v ora.iym) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN ora.iym_text(v, 2)::ora.varchar2;
CREATE FUNCTION ora.to_char(v text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN v::ora.varchar2;
CREATE FUNCTION ora.to_char(v boolean) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN upper(v::text)::ora.varchar2;

-- A number as Oracle writes it: no zero before the point, no zeros at the end; beyond ``width`` characters in exponents.
CREATE FUNCTION ora.number_text(v numeric, width int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  s text := trim_scale(abs(v))::text;
  digits text;
  exponent int;
  sign text := CASE WHEN v < 0 THEN '-' ELSE '' END;
BEGIN
  IF left(s, 2) = '0.' THEN
    s := substr(s, 2);
  END IF;
  IF length(s) + length(sign) <= width THEN
    RETURN sign || s;
  END IF;
  digits := ltrim(replace(s, '.', ''), '0');
  exponent := CASE WHEN left(s, 1) = '.' THEN length(digits) - length(s) ELSE position('.' IN s || '.') - 2 END;
  digits := rtrim(digits, '0');
  RETURN sign || left(digits, 1) || CASE WHEN length(digits) > 1 THEN '.' || substr(digits, 2) ELSE '' END
    || 'E' || CASE WHEN exponent < 0 THEN '-' ELSE '+' END || lpad(abs(exponent)::text, greatest(2, length(abs(exponent)::text)), '0');
END
$$;
CREATE FUNCTION ora.to_char(v numeric) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT RETURN ora.number_text(v, 41)::ora.varchar2;
CREATE FUNCTION ora.float_text(v float8, digits int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  m text[];
  s text;
BEGIN
  IF v = 'NaN' THEN RETURN 'Nan'; ELSIF v = 'Infinity' THEN RETURN 'Inf'; ELSIF v = '-Infinity' THEN RETURN '-Inf'; END IF;
  s := to_char(v::numeric, '9.' || repeat('9', digits - 1) || 'EEEE');
  m := regexp_match(btrim(s), '^(-?)(\d)\.(\d*)e([+-])(\d+)$');
  RETURN m[1] || m[2] || '.' || rpad(m[3], digits - 1, '0') || 'E' || m[4] || lpad(m[5], 3, '0');
END
$$;
CREATE FUNCTION ora.to_char(v float8) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT RETURN ora.float_text(v, 17)::ora.varchar2;
CREATE FUNCTION ora.to_char(v float4) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT RETURN ora.float_text(v, 9)::ora.varchar2;
CREATE FUNCTION ora.check_model(model text) RETURNS void LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF model !~* '^(FM|[09$BLCU,.GDVSX]|MI|PR|EEEE|RN|TM[9E]?)+$' THEN
    PERFORM ora.raise('ORA-01481: invalid number format model');
  END IF;
END
$$;
CREATE FUNCTION ora.to_char(v numeric, model text) RETURNS ora.varchar2 LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  u text := upper(model);
BEGIN
  PERFORM ora.check_model(u);
  IF u IN ('TM', 'TM9') THEN
    RETURN ora.number_text(v, 64);
  ELSIF u ~ '^(FM)?[0X]+$' AND position('X' IN u) > 0 THEN
    IF v < 0 THEN RETURN repeat('#', length(u)); END IF;
    RETURN CASE WHEN left(u, 2) = 'FM' THEN '' ELSE ' ' END
      || (SELECT CASE WHEN u ~ '0' THEN lpad(h, length(replace(u, 'FM', '')), '0') WHEN left(u, 2) = 'FM' THEN h ELSE lpad(h, length(u), ' ') END
            FROM (SELECT CASE WHEN model ~ 'X' THEN upper(to_hex(round(v)::bigint)) ELSE to_hex(round(v)::bigint) END) x(h));
  END IF;
  RETURN to_char(v, model);
END
$$;
CREATE FUNCTION ora.to_char(v float8, model text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN v IN ('NaN', 'Infinity', '-Infinity') THEN ora.float_text(v, 17)::ora.varchar2 ELSE ora.to_char(v::text::numeric, model) END;

-- A format model as a regular expression and the letters of its groups.
CREATE FUNCTION ora.parser(model text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  rest text := model;
  pattern text := '^\s*';
  closing text := '';
  letters text := '';
  m text[];
  u text;
  piece text;
  letter text;
  first boolean := true;
BEGIN
  WHILE rest <> '' LOOP
    m := regexp_match(rest, '^("[^"]*"|SYYYY|YYYY|RRRR|RR|YYY|YY|MONTH|MON|MM|MI|DDD|DD|DAY|DY|HH24|HH12|HH|SSSSS|SS|FF[1-9]?|TZH|TZM|TZR|X|AM|PM|A\.M\.|P\.M\.|BC|AD|B\.C\.|A\.D\.|J|FM|FX|[-/,.;: T]|.)', 'i');
    u := upper(m[1]);
    rest := substr(rest, length(m[1]) + 1);
    letter := CASE WHEN u IN ('SYYYY', 'YYYY', 'RRRR') THEN 'Y' WHEN u IN ('RR', 'YY') THEN 'y' WHEN u = 'MM' THEN 'm' WHEN u IN ('MON', 'MONTH') THEN 'b'
      WHEN u = 'DD' THEN 'd' WHEN u = 'DDD' THEN 'D' WHEN u = 'HH24' THEN 'h' WHEN u IN ('HH', 'HH12') THEN 'i' WHEN u = 'MI' THEN 'n'
      WHEN u = 'SS' THEN 's' WHEN u = 'SSSSS' THEN 'S' WHEN u ~ '^FF' THEN 'f' WHEN u = 'TZH' THEN 'H' WHEN u = 'TZM' THEN 'M' WHEN u = 'TZR' THEN 'R'
      WHEN u IN ('AM', 'PM', 'A.M.', 'P.M.') THEN 'A' WHEN u IN ('BC', 'AD', 'B.C.', 'A.D.') THEN 'E' WHEN u = 'J' THEN 'J' WHEN u IN ('DAY', 'DY') THEN '-' END;
    IF u IN ('FM', 'FX') THEN CONTINUE; END IF;
    IF letter IS NULL THEN
      IF u ~ '^[-/,.;: TX]$' THEN
        piece := '[-/,.;:T\s]*?';
      ELSIF left(u, 1) = '"' THEN
        piece := regexp_replace(btrim(m[1], '"'), '([^\w])', '\\\1', 'g');
      ELSE
        RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01821: date format not recognized';
      END IF;
      pattern := pattern || CASE WHEN first THEN piece ELSE '(?:' || piece END;
      closing := CASE WHEN first THEN closing ELSE ')?' || closing END;
      CONTINUE;
    END IF;
    -- Digits that end where the next ones begin are as many as the element has.
    piece := CASE WHEN letter = 'Y' AND rest ~* '^(MM|DD|HH|MI|SS|J)' THEN '([+-]?\d{4})' WHEN u ~ '^(MM|DD|HH24|HH12|HH|MI|SS)$' AND rest ~* '^(MM|DD|HH|MI|SS|S?YY|RR)' THEN '(\d{2})'
      WHEN letter = 'm' THEN '(\d{1,2}|[A-Za-z]{3,})' WHEN letter = 'Y' THEN '([+-]?\d{1,4})' WHEN letter = 'y' THEN '(\d{1,4})' ELSE CASE letter WHEN 'b' THEN '([A-Za-z]+)' WHEN '-' THEN '([A-Za-z]+)' WHEN 'D' THEN '(\d{1,3})' WHEN 'S' THEN '(\d{1,5})'
      WHEN 'f' THEN '(\d*)' WHEN 'H' THEN '([+-]?\d{1,2})' WHEN 'R' THEN '([+-]?\d{1,2}:\d{2}|[A-Za-z_/]+)' WHEN 'A' THEN '([AaPp]\.?[Mm]\.?)'
      WHEN 'E' THEN '([AaBb]\.?[CcDd]\.?)' WHEN 'J' THEN '(\d+)' ELSE '(\d{1,2})' END END;
    letters := letters || letter;
    pattern := pattern || piece;
    first := false;
  END LOOP;
  RETURN ARRAY[pattern || closing || '\s*$', letters, CASE WHEN upper(model) ~ '^S?YYYY-MM-DD HH24:MI:SS(\.FF\d?)?$' THEN 'iso' END];
END
$$;
CREATE FUNCTION ora.month_of(name text) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  n int := array_position(ARRAY['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'], upper(left(name, 3)));
BEGIN
  IF n IS NULL THEN PERFORM ora.raise('ORA-01843: not a valid month'); END IF;
  RETURN n;
END
$$;
-- Why a text does not fit a model: both read from the left, each element taking as many digits as it can.
CREATE FUNCTION ora.mismatch(v text, model text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  rest text := v;
  ahead text := model;
  u text;
  taken text;
BEGIN
  WHILE ahead <> '' LOOP
    u := upper((regexp_match(ahead, '^("[^"]*"|SYYYY|YYYY|RRRR|RR|YYY|YY|MONTH|MON|MM|MI|DDD|DD|DAY|DY|HH24|HH12|HH|SSSSS|SS|FF[1-9]?|TZH|TZM|TZR|X|AM|PM|A\.M\.|P\.M\.|BC|AD|B\.C\.|A\.D\.|J|FM|FX|.)', 'i'))[1]);
    ahead := substr(ahead, length(u) + 1);
    CONTINUE WHEN u IN ('FM', 'FX');
    IF left(u, 1) = '"' THEN
      IF left(upper(rest), length(u) - 2) <> btrim(u, '"') THEN
        RETURN 'ORA-01861: literal does not match format string';
      END IF;
      rest := substr(rest, length(u) - 1);
    ELSIF u ~ '^([^A-Z]|X|T)$' THEN
      rest := regexp_replace(rest, '^\s*[^\w\s]?', '');
    ELSE
      rest := ltrim(rest);
      IF rest = '' THEN
        RETURN 'ORA-01840: input value not long enough for date format';
      END IF;
      IF u IN ('MON', 'MONTH') OR (u = 'MM' AND rest ~ '^[[:alpha:]]{3}') THEN
        taken := substring(rest FROM '^[[:alpha:]]+');
        IF coalesce(upper(taken), '') !~ '^(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)' THEN
          RETURN 'ORA-01843: not a valid month';
        END IF;
      ELSIF u ~ '^(AM|PM|A\.M\.|P\.M\.)$' THEN
        taken := substring(rest FROM '^[AaPp]\.?[Mm]\.?');
        IF taken IS NULL THEN RETURN 'ORA-01855: AM/A.M. or PM/P.M. required'; END IF;
      ELSIF u ~ '^(DAY|DY|TZR|BC|AD|B\.C\.|A\.D\.)$' THEN
        taken := substring(rest FROM '^[-+:.[:alnum:]_/]+');
        IF taken IS NULL THEN RETURN 'ORA-01861: literal does not match format string'; END IF;
      ELSE
        taken := substring(rest FROM '^[-+]?\d{1,' || CASE WHEN u ~ 'YYYY|RR|^YY$' THEN 4 WHEN u IN ('DDD', 'YYY') THEN 3 WHEN u = 'SSSSS' THEN 5
          WHEN u ~ '^FF' THEN 9 WHEN u = 'J' THEN 7 ELSE 2 END || '}');
        IF taken IS NULL THEN RETURN 'ORA-01858: a non-numeric character was found where a numeric was expected'; END IF;
      END IF;
      rest := substr(rest, length(taken) + 1);
    END IF;
  END LOOP;
  IF btrim(rest) <> '' THEN
    RETURN 'ORA-01830: date format picture ends before converting entire input string';
  END IF;
  RETURN 'ORA-01861: literal does not match format string';
END
$$;
CREATE FUNCTION ora.parse(v text, parser text[], model text) RETURNS numeric[] LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  m text[];
  y int; mo int; d int := 1; h int := 0; mi int := 0; s int := 0; ns numeric := 0; off int; x text; pm text; t timestamp; doy int; era text; sec int; minus boolean := false;
  hm int; mm int := 0;
  now_ timestamp;
BEGIN
  -- What is written most: digits where they are expected, no doubt about the date.
  IF parser[3] = 'iso' AND v ~ '^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?$' AND left(v, 4) <> '0000' THEN
    RETURN ARRAY[ora.ns_of(left(v, 19)::timestamp) + rpad(substr(v, 21), 9, '0')::numeric, NULL];
  END IF;
  m := regexp_match(v, parser[1]);
  now_ := statement_timestamp() AT TIME ZONE 'UTC';
  IF m IS NULL THEN
    IF v ~ '^\s*$' THEN RETURN NULL; END IF;
    PERFORM ora.raise(ora.mismatch(v, model));
  END IF;
  FOR i IN 1 .. length(parser[2]) LOOP
    -- The time of day may be left out, the date not.
    IF m[i] IS NULL AND substr(parser[2], i, 1) IN ('Y', 'y', 'm', 'b', 'd', 'D', 'J') THEN
      PERFORM ora.raise('ORA-01840: input value not long enough for date format');
    END IF;
    x := m[i];
    CONTINUE WHEN x IS NULL OR x = '' ;
    CASE substr(parser[2], i, 1)
      WHEN 'Y' THEN y := x::int;
      WHEN 'y' THEN y := CASE WHEN length(x) > 2 THEN x::int WHEN x::int < 50 THEN 2000 + x::int ELSE 1900 + x::int END;
      WHEN 'm' THEN mo := CASE WHEN x ~ '^\d' THEN x::int ELSE ora.month_of(x) END;
      WHEN 'b' THEN mo := ora.month_of(x);
      WHEN 'd' THEN d := x::int;
      WHEN 'D' THEN doy := x::int;
      WHEN 'h' THEN h := x::int;
      WHEN 'i' THEN h := x::int % 12;
        IF x::int NOT BETWEEN 1 AND 12 THEN PERFORM ora.raise('ORA-01849: hour must be between 1 and 12'); END IF;
      WHEN 'n' THEN mi := x::int;
      WHEN 's' THEN s := x::int;
      WHEN 'S' THEN sec := x::int;
      WHEN 'f' THEN ns := rpad(left(x, 9), 9, '0')::numeric;
      WHEN 'H' THEN hm := x::int; minus := left(x, 1) = '-';
      WHEN 'M' THEN mm := x::int;
      WHEN 'R' THEN off := ora.tz_offset_of(x);
      WHEN 'A' THEN pm := upper(left(x, 1));
      WHEN 'E' THEN era := upper(left(x, 1));
      WHEN 'J' THEN y := -4712; mo := 1; t := timestamp '4714-11-24 BC' + make_interval(days => x::int);
      ELSE NULL;
    END CASE;
  END LOOP;
  IF pm = 'P' THEN h := h + 12; END IF;
  IF era = 'B' THEN y := -abs(y); END IF;
  IF hm IS NOT NULL THEN off := hm * 60 + CASE WHEN minus THEN -mm ELSE mm END; END IF;
  IF t IS NULL THEN
    y := coalesce(y, extract(year FROM now_)::int);
    mo := coalesce(mo, CASE WHEN doy IS NULL THEN extract(month FROM now_)::int ELSE 1 END);
    IF y = 0 OR y < -4712 OR y > 9999 THEN PERFORM ora.raise('ORA-01841: (full) year must be between -4713 and +9999, and not be 0'); END IF;
    IF mo NOT BETWEEN 1 AND 12 THEN PERFORM ora.raise('ORA-01843: not a valid month'); END IF;
    IF d NOT BETWEEN 1 AND 31 THEN PERFORM ora.raise('ORA-01847: day of month must be between 1 and last day of month'); END IF;
    IF h > 23 THEN PERFORM ora.raise('ORA-01850: hour must be between 0 and 23'); END IF;
    IF mi > 59 THEN PERFORM ora.raise('ORA-01851: minutes must be between 0 and 59'); END IF;
    IF s > 59 THEN PERFORM ora.raise('ORA-01852: seconds must be between 0 and 59'); END IF;
    BEGIN
      t := make_timestamp(y, mo, d, h, mi, s);
    EXCEPTION WHEN datetime_field_overflow THEN
      RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01839: date not valid for month specified';
    END;
    IF doy IS NOT NULL THEN t := t + make_interval(days => doy - 1); END IF;
  END IF;
  IF sec IS NOT NULL THEN t := date_trunc('day', t) + make_interval(secs => sec); END IF;
  RETURN ARRAY[ora.ns_of(t) + ns, off];
END
$$;
CREATE FUNCTION ora.to_date(v text, model text) RETURNS ora.date LANGUAGE sql STABLE
  RETURN ora.ns_to_pg((ora.parse(v, ora.parser(model), model))[1])::ora.date;
CREATE FUNCTION ora.to_timestamp(v text, model text) RETURNS ora.ts LANGUAGE sql STABLE RETURN ((ora.parse(v, ora.parser(model), model))[1])::ora.ts;
CREATE FUNCTION ora.tstz_parsed(p numeric[]) RETURNS ora.tstz LANGUAGE sql STABLE
  RETURN ora.make_tstz(p[1] - coalesce(p[2], ora.session_offset()) * 60000000000, coalesce(p[2], ora.session_offset())::int);
CREATE FUNCTION ora.to_timestamp_tz(v text, model text) RETURNS ora.tstz LANGUAGE sql STABLE RETURN ora.tstz_parsed(ora.parse(v, ora.parser(model), model));
CREATE FUNCTION ora.to_date(v text) RETURNS ora.date LANGUAGE sql STABLE RETURN ora.to_date(v, ora.setting('nls_date_format'));
CREATE FUNCTION ora.to_timestamp(v text) RETURNS ora.ts LANGUAGE sql STABLE RETURN ora.to_timestamp(v, ora.setting('nls_timestamp_format'));
CREATE FUNCTION ora.to_timestamp_tz(v text) RETURNS ora.tstz LANGUAGE sql STABLE RETURN ora.to_timestamp_tz(v, ora.setting('nls_timestamp_tz_format'));
CREATE FUNCTION ora.to_date(v ora.date) RETURNS ora.date LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.to_timestamp(v ora.date) RETURNS ora.ts LANGUAGE sql IMMUTABLE RETURN ora.to_ts(v);
CREATE FUNCTION ora.to_timestamp(v ora.ts) RETURNS ora.ts LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.to_timestamp(v ora.tstz) RETURNS ora.ts LANGUAGE sql IMMUTABLE RETURN ora.to_ts(v);
CREATE FUNCTION ora.timestamp_literal(v text) RETURNS ora.ts LANGUAGE sql STABLE RETURN ora.to_timestamp(v, 'SYYYY-MM-DD HH24:MI:SS.FF9');
CREATE FUNCTION ora.timestamp_tz_literal(v text) RETURNS ora.tstz LANGUAGE sql STABLE RETURN ora.to_timestamp_tz(v, 'SYYYY-MM-DD HH24:MI:SS.FF9 TZR');
CREATE FUNCTION ora.date_literal(v text) RETURNS ora.date LANGUAGE sql STABLE
  RETURN CASE WHEN v ~ '^\s*[+-]?\d{1,4}[^\w\s]\d{1,2}[^\w\s]\d{1,2}\s*$' OR ora.raise('ORA-01861: literal does not match format string') THEN ora.to_date(v, 'SYYYY-MM-DD') END;

CREATE FUNCTION ora.to_number(v text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF v IS NULL THEN RETURN NULL; END IF;
  IF v !~ '^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$' THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01722: invalid number';
  END IF;
  RETURN v::numeric;
END
$$;
CREATE FUNCTION ora.to_number(v numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.to_number(v float8) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN v::text::numeric;
CREATE FUNCTION ora.to_number(v text, model text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  PERFORM ora.check_model(model);
  IF upper(model) ~ 'X' THEN
    RETURN ('0x' || btrim(v))::numeric;
  END IF;
  RETURN CASE WHEN upper(model) LIKE 'TM%' THEN ora.to_number(v) ELSE to_number(v, model) END;
END
$$;
CREATE FUNCTION ora.to_number(v text, model text, nls text) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.to_number(v, model);
CREATE FUNCTION ora.float_of(v text) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE upper(btrim(v)) WHEN 'NAN' THEN 'NaN'::float8 WHEN 'INF' THEN 'Infinity'::float8 WHEN 'INFINITY' THEN 'Infinity'::float8 WHEN '-INF' THEN '-Infinity'::float8 WHEN '-INFINITY' THEN '-Infinity'::float8 ELSE ora.to_number(v)::float8 END;
CREATE FUNCTION ora.to_binary_double(v text) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN ora.float_of(v);
CREATE FUNCTION ora.to_binary_double(v numeric) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN v::float8;
CREATE FUNCTION ora.to_binary_double(v float8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.to_binary_float(v text) RETURNS float4 LANGUAGE sql IMMUTABLE RETURN ora.float_of(v)::float4;
CREATE FUNCTION ora.to_binary_float(v numeric) RETURNS float4 LANGUAGE sql IMMUTABLE RETURN v::float4;
CREATE FUNCTION ora.to_binary_float(v float8) RETURNS float4 LANGUAGE sql IMMUTABLE RETURN v::float4;
CREATE FUNCTION ora.nanvl(v float8, other float8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN CASE WHEN v = 'NaN' THEN other ELSE v END;

-- Implicit conversions of strings, and to strings on assignment.
DO $do$
DECLARE
  s text;
  r record;
BEGIN
  FOREACH s IN ARRAY ARRAY['text', 'ora.varchar2', 'ora.nvarchar2', 'ora.char', 'ora.nchar', 'ora.clob'] LOOP
    IF s <> 'text' THEN
      EXECUTE format('CREATE FUNCTION ora.text_number(%s) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.to_number($1::text)', s);
      EXECUTE format('CREATE FUNCTION ora.text_date(%s) RETURNS ora.date LANGUAGE sql STABLE RETURN ora.to_date($1::text)', s);
      EXECUTE format('CREATE FUNCTION ora.text_ts(%s) RETURNS ora.ts LANGUAGE sql STABLE RETURN ora.to_timestamp($1::text)', s);
      EXECUTE format('CREATE FUNCTION ora.text_tstz(%s) RETURNS ora.tstz LANGUAGE sql STABLE RETURN ora.to_timestamp_tz($1::text)', s);
      EXECUTE format('CREATE FUNCTION ora.text_tsltz(%s) RETURNS ora.tsltz LANGUAGE sql STABLE RETURN ora.to_tsltz(ora.to_timestamp($1::text))', s);
      EXECUTE format('CREATE FUNCTION ora.text_ids(%s) RETURNS ora.ids LANGUAGE sql STABLE RETURN ora.to_dsinterval($1::text)', s);
      EXECUTE format('CREATE FUNCTION ora.text_iym(%s) RETURNS ora.iym LANGUAGE sql STABLE RETURN ora.to_yminterval($1::text)', s);
      EXECUTE format('CREATE FUNCTION ora.text_float8(%s) RETURNS float8 LANGUAGE sql STABLE RETURN ora.float_of($1::text)', s);
      EXECUTE format('CREATE FUNCTION ora.text_float4(%s) RETURNS float4 LANGUAGE sql STABLE RETURN ora.float_of($1::text)::float4', s);
      EXECUTE format('CREATE FUNCTION ora.text_raw(%s) RETURNS ora.raw LANGUAGE sql STABLE RETURN decode($1::text, ''hex'')::ora.raw', s);
      EXECUTE format('CREATE FUNCTION ora.text_blob(%s) RETURNS ora.blob LANGUAGE sql STABLE RETURN decode($1::text, ''hex'')::ora.blob', s);
      FOR r IN SELECT * FROM (VALUES ('numeric', 'number', 'IMPLICIT'), ('ora.date', 'date', 'IMPLICIT'), ('ora.ts', 'ts', 'IMPLICIT'), ('ora.tstz', 'tstz', 'IMPLICIT'),
                 ('ora.tsltz', 'tsltz', 'ASSIGNMENT'), ('ora.ids', 'ids', 'ASSIGNMENT'), ('ora.iym', 'iym', 'ASSIGNMENT'), ('float8', 'float8', 'ASSIGNMENT'),
                 ('float4', 'float4', 'ASSIGNMENT'), ('ora.raw', 'raw', 'ASSIGNMENT'), ('ora.blob', 'blob', 'ASSIGNMENT')) x(target, f, context) LOOP
        EXECUTE format('CREATE CAST (%1$s AS %2$s) WITH FUNCTION ora.%3$I(%1$s) AS %4$s', s, r.target, 'text_' || r.f, r.context);
      END LOOP;
    END IF;
  END LOOP;
  FOREACH s IN ARRAY ARRAY['varchar2', 'nvarchar2', 'char', 'nchar', 'clob'] LOOP
    FOR r IN SELECT * FROM (VALUES ('numeric', 'numeric'), ('ora.date', 'date'), ('ora.ts', 'ts'), ('ora.tstz', 'tstz'), ('ora.tsltz', 'tsltz'), ('ora.ids', 'ids'), ('ora.iym', 'iym'), ('float8', 'float8'), ('float4', 'float4')) x(source, f) LOOP
      EXECUTE format('CREATE FUNCTION ora.%I(%s) RETURNS ora.%I LANGUAGE sql STABLE RETURN ora.to_char($1)::text::ora.%I', s || '_of_' || r.f, r.source, s, s);
      EXECUTE format('CREATE CAST (%s AS ora.%I) WITH FUNCTION ora.%I(%s) AS ASSIGNMENT', r.source, s, s || '_of_' || r.f, r.source);
    END LOOP;
    EXECUTE format('CREATE FUNCTION ora.%I(ora.raw) RETURNS ora.%I LANGUAGE sql IMMUTABLE RETURN upper(encode($1::bytea, ''hex''))::ora.%I', s || '_of_raw', s, s);
    EXECUTE format('CREATE CAST (ora.raw AS ora.%I) WITH FUNCTION ora.%I(ora.raw) AS ASSIGNMENT', s, s || '_of_raw');
  END LOOP;
END
$do$;
CREATE FUNCTION ora.number_bool(boolean) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN $1::int::numeric;
CREATE FUNCTION ora.bool_number(numeric) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 <> 0;
CREATE CAST (numeric AS boolean) WITH FUNCTION ora.bool_number(numeric) AS ASSIGNMENT;
CREATE CAST (boolean AS numeric) WITH FUNCTION ora.number_bool(boolean) AS ASSIGNMENT;

-- ------------------------------------------------------------------------------------------------------------ numbers
-- Strings among numbers are numbers: ORA-01722.
DO $do$
DECLARE
  o text[];
BEGIN
  FOREACH o SLICE 1 IN ARRAY ARRAY[['+', 'plus'], ['-', 'minus'], ['*', 'times']] LOOP
    EXECUTE format('CREATE FUNCTION ora.%1$I(a text, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.to_number(a) %2$s b', 'text_' || o[2], o[1]);
    EXECUTE format('CREATE FUNCTION ora.%1$I(a numeric, b text) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN a %2$s ora.to_number(b)', 'text_' || o[2], o[1]);
    EXECUTE format('CREATE FUNCTION ora.%1$I(a text, b text) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.to_number(a) %2$s ora.to_number(b)', 'text_' || o[2], o[1]);
    EXECUTE format('CREATE OPERATOR ora.%s (FUNCTION = ora.%I, LEFTARG = text, RIGHTARG = numeric)', o[1], 'text_' || o[2]);
    EXECUTE format('CREATE OPERATOR ora.%s (FUNCTION = ora.%I, LEFTARG = numeric, RIGHTARG = text)', o[1], 'text_' || o[2]);
    EXECUTE format('CREATE OPERATOR ora.%s (FUNCTION = ora.%I, LEFTARG = text, RIGHTARG = text)', o[1], 'text_' || o[2]);
  END LOOP;
END
$do$;
CREATE FUNCTION ora.mod(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN b = 0 THEN a ELSE mod(a, b) END;
CREATE FUNCTION ora.remainder(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN a - b * round(a / b);
CREATE FUNCTION ora.trunc(v numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN trunc(v);
CREATE FUNCTION ora.trunc(v numeric, digits numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN trunc(v, digits::int);
CREATE FUNCTION ora.round(v numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN round(v);
CREATE FUNCTION ora.round(v numeric, digits numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN round(v, digits::int);
CREATE FUNCTION ora.trunc(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN trunc(ora.to_number(v));
CREATE FUNCTION ora.round(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN round(ora.to_number(v));
CREATE FUNCTION ora.bitand(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN (a::bigint & b::bigint)::numeric;
CREATE FUNCTION ora.trunc_unit(model text) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN CASE WHEN upper(model) IN ('YEAR', 'YYYY', 'YY', 'SYYYY', 'Y') THEN 'year' WHEN upper(model) IN ('MONTH', 'MM', 'MON', 'RM') THEN 'month' WHEN upper(model) = 'Q' THEN 'quarter'
              WHEN upper(model) IN ('IW', 'DAY', 'DY', 'D') THEN 'week' WHEN upper(model) IN ('HH', 'HH24', 'HH12') THEN 'hour' WHEN upper(model) = 'MI' THEN 'minute'
              WHEN upper(model) IN ('DDD', 'DD', 'J') OR ora.raise('ORA-01821: date format not recognized') THEN 'day' END;
CREATE FUNCTION ora.trunc(v ora.date) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN date_trunc('day', v::timestamp)::ora.date;
CREATE FUNCTION ora.trunc(v ora.date, model text) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN date_trunc(ora.trunc_unit(model), v::timestamp)::ora.date;
CREATE FUNCTION ora.trunc(v ora.ts) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.trunc(ora.to_date_(v));
CREATE FUNCTION ora.trunc(v ora.tstz) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.trunc(ora.to_date_(v));
CREATE FUNCTION ora.trunc(v ora.ts, model text) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.trunc(ora.to_date_(v), model);
CREATE FUNCTION ora.trunc(v ora.tstz, model text) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.trunc(ora.to_date_(v), model);
CREATE FUNCTION ora.round(v ora.date) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN date_trunc('day', v::timestamp + interval '12 hours')::ora.date;
CREATE FUNCTION ora.last_day(v ora.date) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT
  RETURN (date_trunc('month', v::timestamp) + interval '1 month' - interval '1 day' + (v::timestamp - date_trunc('day', v::timestamp)))::ora.date;
CREATE FUNCTION ora.add_months(v ora.date, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN ora.last_day(v)::timestamp = v::timestamp THEN ora.last_day((v::timestamp + make_interval(months => trunc(n)::int))::ora.date)
              ELSE (v::timestamp + make_interval(months => trunc(n)::int))::ora.date END;
CREATE FUNCTION ora.add_months(v ora.tstz, n numeric) RETURNS ora.date LANGUAGE sql IMMUTABLE STRICT RETURN ora.add_months(ora.to_date_(v), n);
CREATE FUNCTION ora.months_between(a ora.date, b ora.date) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN (extract(year FROM a::timestamp) - extract(year FROM b::timestamp)) * 12 + extract(month FROM a::timestamp) - extract(month FROM b::timestamp)
    + CASE WHEN extract(day FROM a::timestamp) = extract(day FROM b::timestamp) OR (ora.last_day(a)::timestamp = a::timestamp AND ora.last_day(b)::timestamp = b::timestamp) THEN 0
           ELSE (extract(epoch FROM (a::timestamp - date_trunc('month', a::timestamp)) - (b::timestamp - date_trunc('month', b::timestamp))) / 86400 / 31) END;
CREATE FUNCTION ora.extract(field text, v ora.ts) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN field = 'SECOND' THEN trim_scale(mod(mod(v::numeric, 60000000000) + 60000000000, 60000000000) / 1000000000)
              ELSE pg_catalog.extract(lower(field), ora.ns_to_pg(v::numeric)) END;
CREATE FUNCTION ora.extract(field text, v ora.date) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ora.extract(field, ora.to_ts(v));
CREATE FUNCTION ora.extract(field text, v ora.tstz) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE field WHEN 'TIMEZONE_HOUR' THEN (ora.tstz_off(v) / 60)::numeric WHEN 'TIMEZONE_MINUTE' THEN (ora.tstz_off(v) % 60)::numeric
              ELSE ora.extract(field, ora.tstz_utc(v)::ora.ts) END;
CREATE FUNCTION ora.extract(field text, v ora.ids) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN sign(v::numeric) * CASE field WHEN 'DAY' THEN div(abs(v::numeric), 86400000000000) WHEN 'HOUR' THEN div(abs(v::numeric), 3600000000000) % 24
    WHEN 'MINUTE' THEN div(abs(v::numeric), 60000000000) % 60 ELSE trim_scale((abs(v::numeric) % 60000000000) / 1000000000) END;
CREATE FUNCTION ora.extract(field text, v ora.iym) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
  RETURN sign(v::numeric) * CASE field WHEN 'YEAR' THEN div(abs(v::numeric), 12) ELSE abs(v::numeric) % 12 END;

-- ------------------------------------------------------------------------------------------------------------ strings
-- Concatenation takes NULL for the empty string; an empty result is NULL.
CREATE FUNCTION ora.concat(a text, b text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(coalesce(a, '') || coalesce(b, ''), '')::ora.varchar2;
CREATE FUNCTION ora.concat(a ora.clob, b text) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN (coalesce(a::text, '') || coalesce(b, ''))::ora.clob;
CREATE FUNCTION ora.concat(a text, b ora.clob) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN (coalesce(a, '') || coalesce(b::text, ''))::ora.clob;
CREATE FUNCTION ora.concat(a ora.clob, b ora.clob) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN (coalesce(a::text, '') || coalesce(b::text, ''))::ora.clob;
CREATE FUNCTION ora.str(v text) RETURNS text LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.str(v ora.clob) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.str(v numeric) RETURNS text LANGUAGE sql IMMUTABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v ora.date) RETURNS text LANGUAGE sql STABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v ora.ts) RETURNS text LANGUAGE sql STABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v ora.tstz) RETURNS text LANGUAGE sql STABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v ora.tsltz) RETURNS text LANGUAGE sql STABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v ora.ids) RETURNS text LANGUAGE sql STABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v ora.iym) RETURNS text LANGUAGE sql STABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v float8) RETURNS text LANGUAGE sql IMMUTABLE RETURN ora.to_char(v)::text;
CREATE FUNCTION ora.str(v ora.raw) RETURNS text LANGUAGE sql IMMUTABLE RETURN upper(encode(v::bytea, 'hex'));
CREATE FUNCTION ora.substr(v text, start numeric) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT
  RETURN nullif(CASE WHEN start < 0 THEN CASE WHEN -start > length(v) THEN '' ELSE right(v, -start::int) END ELSE substr(v, greatest(trunc(start)::int, 1)) END, '')::ora.varchar2;
CREATE FUNCTION ora.substr(v text, start numeric, len numeric) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT
  RETURN CASE WHEN len < 1 THEN NULL ELSE nullif(left(ora.substr(v, start)::text, trunc(len)::int), '')::ora.varchar2 END;
CREATE FUNCTION ora.substrb(v text, start numeric, len numeric) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT RETURN ora.substr(v, start, len);
CREATE FUNCTION ora.instr(v text, part text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN position(part IN v)::numeric;
CREATE FUNCTION ora.instr(v text, part text, start numeric, nth numeric DEFAULT 1) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  p int := start::int;
  f int;
BEGIN
  IF p < 0 THEN
    FOR i IN REVERSE length(v) + p + 1 .. 1 LOOP
      IF substr(v, i, length(part)) = part THEN
        nth := nth - 1;
        IF nth = 0 THEN RETURN i; END IF;
      END IF;
    END LOOP;
    RETURN 0;
  END IF;
  FOR i IN 1 .. nth::int LOOP
    f := position(part IN substr(v, p));
    IF f = 0 THEN RETURN 0; END IF;
    p := p + f;
  END LOOP;
  RETURN p - 1;
END
$$;
CREATE FUNCTION ora.length(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN char_length(v)::numeric;
CREATE FUNCTION ora.length(v ora.clob) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ora.units(v::text)::numeric;
CREATE FUNCTION ora.length(v ora.nclob) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ora.units(v::text)::numeric;
CREATE FUNCTION ora.length(v ora.nvarchar2) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ora.units(v::text)::numeric;
CREATE FUNCTION ora.length(v ora.nchar) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ora.units(v::text)::numeric;
CREATE FUNCTION ora.length(v numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN char_length(ora.to_char(v)::text)::numeric;
CREATE FUNCTION ora.length(v ora.blob) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN octet_length(v::bytea)::numeric;
CREATE FUNCTION ora.length(v ora.raw) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN octet_length(v::bytea)::numeric * 2;
CREATE FUNCTION ora.lengthc(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN char_length(v)::numeric;
CREATE FUNCTION ora.lengthb(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN octet_length(v)::numeric;
CREATE FUNCTION ora.lengthb(v ora.nvarchar2) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN (ora.units(v::text) * 2)::numeric;
CREATE FUNCTION ora.lengthb(v ora.nchar) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN (ora.units(v::text) * 2)::numeric;
CREATE FUNCTION ora.lengthb(v ora.raw) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN octet_length(v::bytea)::numeric;
CREATE FUNCTION ora.lengthb(v ora.blob) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN octet_length(v::bytea)::numeric;
CREATE FUNCTION ora.vsize(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN octet_length(v)::numeric;
CREATE FUNCTION ora.upper(v text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN upper(v)::ora.varchar2;
CREATE FUNCTION ora.lower(v text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN lower(v)::ora.varchar2;
CREATE FUNCTION ora.initcap(v text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN initcap(v)::ora.varchar2;
CREATE FUNCTION ora.trim(v text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(btrim(v), '')::ora.varchar2;
CREATE FUNCTION ora.ltrim(v text, chars text DEFAULT ' ') RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(ltrim(v, chars), '')::ora.varchar2;
CREATE FUNCTION ora.rtrim(v text, chars text DEFAULT ' ') RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(rtrim(v, chars), '')::ora.varchar2;
CREATE FUNCTION ora.lpad(v text, n numeric, fill text DEFAULT ' ') RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(lpad(v, n::int, fill), '')::ora.varchar2;
CREATE FUNCTION ora.rpad(v text, n numeric, fill text DEFAULT ' ') RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(rpad(v, n::int, fill), '')::ora.varchar2;
CREATE FUNCTION ora.lpad(v numeric, n numeric, fill text DEFAULT ' ') RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN ora.lpad(ora.to_char(v)::text, n, fill);
CREATE FUNCTION ora.rpad(v numeric, n numeric, fill text DEFAULT ' ') RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN ora.rpad(ora.to_char(v)::text, n, fill);
CREATE FUNCTION ora.replace(v text, part text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(CASE WHEN part IS NULL THEN v ELSE replace(v, part, '') END, '')::ora.varchar2;
CREATE FUNCTION ora.replace(v text, part text, other text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE
  RETURN nullif(CASE WHEN part IS NULL THEN v ELSE replace(v, part, coalesce(other, '')) END, '')::ora.varchar2;
CREATE FUNCTION ora.replace(v ora.clob, part text, other text) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN replace(v::text, part, coalesce(other, ''))::ora.clob;
CREATE FUNCTION ora.translate(v text, a text, b text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(translate(v, a, b), '')::ora.varchar2;
CREATE FUNCTION ora.chr(n numeric) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN n = 0 THEN NULL ELSE chr(n::int) END::ora.varchar2;
CREATE FUNCTION ora.ascii(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ascii(v)::numeric;
CREATE FUNCTION ora.unistr(v text) RETURNS ora.nvarchar2 LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  r text := '';
  rest text := v;
  hi int;
  code int;
  p int;
BEGIN
  LOOP
    p := position('\' IN rest);
    IF p = 0 THEN EXIT; END IF;
    r := r || left(rest, p - 1);
    IF substr(rest, p + 1, 1) = '\' THEN
      r := r || '\';
      rest := substr(rest, p + 2);
    ELSE
      code := ('x' || lpad(substr(rest, p + 1, 4), 8, '0'))::bit(32)::int;
      rest := substr(rest, p + 5);
      IF code BETWEEN 55296 AND 56319 THEN
        hi := code;
      ELSE
        r := r || chr(CASE WHEN code BETWEEN 56320 AND 57343 THEN 65536 + (hi - 55296) * 1024 + code - 56320 ELSE code END);
      END IF;
    END IF;
  END LOOP;
  RETURN nullif(r || rest, '');
END
$$;
CREATE FUNCTION ora.regexp_like(v text, pattern text, flags text DEFAULT '') RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN regexp_like(v, pattern, translate(flags, 'x', ''));
CREATE FUNCTION ora.regexp_replace(v text, pattern text, other text DEFAULT '') RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE
  RETURN nullif(regexp_replace(v, pattern, coalesce(other, ''), 'g'), '')::ora.varchar2;
CREATE FUNCTION ora.regexp_substr(v text, pattern text, start numeric DEFAULT 1, nth numeric DEFAULT 1) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT
  RETURN nullif(regexp_substr(v, pattern, start::int, nth::int), '')::ora.varchar2;
CREATE FUNCTION ora.regexp_instr(v text, pattern text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN regexp_instr(v, pattern)::numeric;
CREATE FUNCTION ora.regexp_count(v text, pattern text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN regexp_count(v, pattern)::numeric;
CREATE FUNCTION ora.n_literal(v text) RETURNS ora.nchar LANGUAGE sql IMMUTABLE RETURN v::ora.nchar;
CREATE FUNCTION ora.to_nchar(v text) RETURNS ora.nvarchar2 LANGUAGE sql IMMUTABLE RETURN v::ora.nvarchar2;

-- ------------------------------------------------------------------------------------------------------- RAW and LOBs
CREATE FUNCTION ora.rawtohex(v ora.raw) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(upper(encode(v::bytea, 'hex')), '')::ora.varchar2;
CREATE FUNCTION ora.rawtohex(v ora.blob) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN nullif(upper(encode(v::bytea, 'hex')), '')::ora.varchar2;
CREATE FUNCTION ora.rawtohex(v text) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN upper(encode(convert_to(v, 'UTF8'), 'hex'))::ora.varchar2;
CREATE FUNCTION ora.hextoraw(v text) RETURNS ora.raw LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN decode(CASE WHEN length(v) % 2 = 1 THEN '0' ELSE '' END || v, 'hex')::ora.raw;
EXCEPTION WHEN invalid_parameter_value THEN
  RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01465: invalid hex number';
END
$$;
CREATE FUNCTION ora.utl_raw__cast_to_raw(v text) RETURNS ora.raw LANGUAGE sql IMMUTABLE RETURN convert_to(v, 'UTF8')::ora.raw;
CREATE FUNCTION ora.utl_raw__cast_to_varchar2(v ora.raw) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN convert_from(v::bytea, 'UTF8')::ora.varchar2;
CREATE FUNCTION ora.utl_raw__length(v ora.raw) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN octet_length(v::bytea)::numeric;
CREATE FUNCTION ora.sys_guid() RETURNS ora.raw LANGUAGE sql VOLATILE RETURN uuid_send(gen_random_uuid())::ora.raw;
CREATE FUNCTION ora.empty_clob() RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN ''::ora.clob;
CREATE FUNCTION ora.empty_blob() RETURNS ora.blob LANGUAGE sql IMMUTABLE RETURN ''::ora.blob;
CREATE FUNCTION ora.to_clob(v text) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v::ora.clob;
CREATE FUNCTION ora.to_clob(v numeric) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN ora.to_char(v)::text::ora.clob;
CREATE FUNCTION ora.to_nclob(v text) RETURNS ora.nclob LANGUAGE sql IMMUTABLE RETURN v::ora.nclob;
CREATE FUNCTION ora.to_lob(v text) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v::ora.clob;
CREATE FUNCTION ora.to_lob(v ora.long_raw) RETURNS ora.blob LANGUAGE sql IMMUTABLE RETURN v::bytea::ora.blob;
CREATE FUNCTION ora.to_blob(v ora.raw) RETURNS ora.blob LANGUAGE sql IMMUTABLE RETURN v::bytea::ora.blob;
CREATE FUNCTION ora.to_blob(v ora.blob) RETURNS ora.blob LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.dbms_lob__getlength(v text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ora.units(v)::numeric;
CREATE FUNCTION ora.dbms_lob__getlength(v ora.blob) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN octet_length(v::bytea)::numeric;
CREATE FUNCTION ora.dbms_lob__substr(v text, amount numeric DEFAULT 32767, start numeric DEFAULT 1) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE STRICT
  RETURN nullif(ora.part(v, start::int, amount::int), '')::ora.varchar2;
CREATE FUNCTION ora.dbms_lob__substr(v ora.blob, amount numeric DEFAULT 32767, start numeric DEFAULT 1) RETURNS ora.raw LANGUAGE sql IMMUTABLE STRICT
  RETURN substr(v::bytea, start::int, amount::int)::ora.raw;
CREATE FUNCTION ora.dbms_lob__instr(v text, part text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN position(part IN v)::numeric;
CREATE FUNCTION ora.dbms_lob__compare(a text, b text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN a = b THEN 0 WHEN a < b THEN -1 ELSE 1 END::numeric;
CREATE FUNCTION ora.dbms_lob__compare(a ora.blob, b ora.blob) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN a::bytea = b::bytea THEN 0 WHEN a::bytea < b::bytea THEN -1 ELSE 1 END::numeric;
CREATE FUNCTION ora.rotate(x bigint, n int) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT RETURN ((x << n) | (x >> (32 - n))) & 4294967295;
CREATE FUNCTION ora.sha1(v bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  padded bytea := v || '\x80'::bytea || decode(repeat('00', (119 - octet_length(v) % 64) % 64), 'hex') || int8send(octet_length(v)::bigint * 8);
  h bigint[] := ARRAY[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
  s bigint[];
  w bigint[];
  f bigint;
  p int;
BEGIN
  FOR block IN 0 .. octet_length(padded) / 64 - 1 LOOP
    w := ARRAY[]::bigint[];
    FOR t IN 0 .. 79 LOOP
      IF t < 16 THEN
        p := block * 64 + t * 4;
        w[t] := (get_byte(padded, p)::bigint << 24) | (get_byte(padded, p + 1)::bigint << 16) | (get_byte(padded, p + 2)::bigint << 8) | get_byte(padded, p + 3)::bigint;
      ELSE
        w[t] := ora.rotate(w[t - 3] # w[t - 8] # w[t - 14] # w[t - 16], 1);
      END IF;
    END LOOP;
    s := h;
    FOR t IN 0 .. 79 LOOP
      f := CASE WHEN t < 20 THEN ((s[2] & s[3]) | ((4294967295 - s[2]) & s[4])) + 1518500249 WHEN t < 40 THEN (s[2] # s[3] # s[4]) + 1859775393
                WHEN t < 60 THEN ((s[2] & s[3]) | (s[2] & s[4]) | (s[3] & s[4])) + 2400959708 ELSE (s[2] # s[3] # s[4]) + 3395469782 END;
      s := ARRAY[(ora.rotate(s[1], 5) + f + s[5] + w[t]) & 4294967295, s[1], ora.rotate(s[2], 30), s[3], s[4]];
    END LOOP;
    FOR i IN 1 .. 5 LOOP
      h[i] := (h[i] + s[i]) & 4294967295;
    END LOOP;
  END LOOP;
  RETURN int4send((h[1]::bit(32))::int) || int4send((h[2]::bit(32))::int) || int4send((h[3]::bit(32))::int) || int4send((h[4]::bit(32))::int) || int4send((h[5]::bit(32))::int);
END
$$;
CREATE FUNCTION ora.digest(v bytea, method text) RETURNS ora.raw LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE replace(upper(coalesce(method, 'SHA1')), '-', '') WHEN 'MD5' THEN decode(md5(coalesce(v, '')), 'hex') WHEN 'SHA256' THEN sha256(coalesce(v, '')) WHEN 'SHA384' THEN sha384(coalesce(v, ''))
    WHEN 'SHA512' THEN sha512(coalesce(v, '')) WHEN 'SHA1' THEN ora.sha1(coalesce(v, ''))
    ELSE CASE WHEN ora.raise('ORA-44413: incorrect hash function name') THEN ''::bytea END END::ora.raw;
END
$$;
CREATE FUNCTION ora.standard_hash(v text, method text DEFAULT 'SHA1') RETURNS ora.raw LANGUAGE sql IMMUTABLE RETURN ora.digest(convert_to(v, 'UTF8'), method);
CREATE FUNCTION ora.standard_hash(v numeric, method text DEFAULT 'SHA1') RETURNS ora.raw LANGUAGE sql IMMUTABLE RETURN ora.digest(convert_to(ora.to_char(v)::text, 'UTF8'), method);
CREATE FUNCTION ora.standard_hash(v ora.raw, method text DEFAULT 'SHA1') RETURNS ora.raw LANGUAGE sql IMMUTABLE RETURN ora.digest(v::bytea, method);
CREATE FUNCTION ora.standard_hash(v ora.date, method text DEFAULT 'SHA1') RETURNS ora.raw LANGUAGE sql IMMUTABLE RETURN ora.digest(convert_to(v::timestamp::text, 'UTF8'), method);
CREATE FUNCTION ora.ora_hash(v text, buckets numeric DEFAULT 4294967295, seed numeric DEFAULT 0) RETURNS numeric LANGUAGE sql IMMUTABLE
  RETURN mod(hashtextextended(coalesce(v, ''), seed::bigint)::numeric + 9223372036854775808, buckets + 1);
CREATE FUNCTION ora.ora_hash(v numeric, buckets numeric DEFAULT 4294967295, seed numeric DEFAULT 0) RETURNS numeric LANGUAGE sql IMMUTABLE
  RETURN ora.ora_hash(ora.to_char(v)::text, buckets, seed);
CREATE FUNCTION ora.xmltype(v text) RETURNS ora.xmltype LANGUAGE sql IMMUTABLE RETURN v::ora.xmltype;
CREATE FUNCTION ora.getclobval(v ora.xmltype) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v::text::ora.clob;
CREATE FUNCTION ora.getstringval(v ora.xmltype) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN v::text::ora.varchar2;
CREATE FUNCTION ora.xmlserialize(v ora.xmltype) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v::text::ora.clob;
CREATE FUNCTION ora.xmlserialize(v ora.clob) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.json_serialize(v text) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v::ora.clob;
CREATE FUNCTION ora.vector_serialize(v text) RETURNS ora.clob LANGUAGE sql IMMUTABLE RETURN v::ora.clob;
CREATE FUNCTION ora.json_text(v text) RETURNS text LANGUAGE sql IMMUTABLE RETURN v;
CREATE FUNCTION ora.json_text(v ora.blob) RETURNS text LANGUAGE sql IMMUTABLE RETURN convert_from(v::bytea, 'UTF8');
CREATE FUNCTION ora.json(v text) RETURNS ora.json LANGUAGE sql IMMUTABLE RETURN v::ora.json;

-- A geometry is its well-known text, which nobody looks at; its SRID is not kept: TO_WKTGEOMETRY does not give it.
-- What Oracle's TO_WKTGEOMETRY makes of NULL is not known here: this one refuses it.
CREATE FUNCTION ora.sdo_geometry(wkt text, srid numeric DEFAULT NULL) RETURNS ora.sdo_geometry LANGUAGE sql IMMUTABLE RETURN wkt::ora.sdo_geometry;
CREATE FUNCTION ora.sdo_util__from_wktgeometry(wkt text, srid numeric DEFAULT NULL) RETURNS ora.sdo_geometry LANGUAGE sql IMMUTABLE RETURN ora.sdo_geometry(wkt, srid);
CREATE FUNCTION ora.sdo_util__to_wktgeometry(v ora.sdo_geometry) RETURNS ora.clob LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF v IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-29532: Java call terminated by uncaught Java exception: the geometry is NULL';
  END IF;
  RETURN v::text::ora.clob;
END
$$;

-- ------------------------------------------------------------------------------------------------------------- others
CREATE FUNCTION ora.lnnvl(v boolean) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN NOT coalesce(v, false);
CREATE FUNCTION ora.uid() RETURNS numeric LANGUAGE sql STABLE RETURN coalesce(ora.setting('uid')::numeric, 0);
CREATE FUNCTION ora.user() RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.setting('user')::ora.varchar2;
CREATE FUNCTION ora.sys_context(namespace text, name text) RETURNS ora.varchar2 LANGUAGE sql STABLE
  RETURN nullif(CASE WHEN upper(namespace) <> 'USERENV' THEN NULL
    WHEN upper(name) IN ('SESSION_USER', 'CURRENT_USER') THEN ora.setting('user')
    WHEN upper(name) = 'CURRENT_SCHEMA' THEN ora.setting('schema')
    WHEN upper(name) IN ('SESSION_USERID', 'CURRENT_USERID') THEN ora.setting('uid')
    WHEN upper(name) = 'LANG' THEN 'US' WHEN upper(name) = 'LANGUAGE' THEN 'AMERICAN_AMERICA.AL32UTF8'
    WHEN upper(name) = 'NLS_DATE_FORMAT' THEN ora.setting('nls_date_format')
    ELSE ora.setting('userenv_' || lower(name)) END, '')::ora.varchar2;
CREATE FUNCTION ora.sys_context(namespace text, name text, len numeric) RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.sys_context(namespace, name);
CREATE FUNCTION ora.userenv(name text) RETURNS ora.varchar2 LANGUAGE sql STABLE RETURN ora.sys_context('USERENV', name);

-- ROWID: 18 characters of base 64: object 6, file 3, block 6, row 3. Ours: the row's number, 100 rows to a block, file 4.
CREATE FUNCTION ora.base64(n bigint, len int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  r text := '';
BEGIN
  FOR i IN REVERSE len - 1 .. 0 LOOP
    r := r || substr('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', ((n >> (6 * i)) & 63)::int + 1, 1);
  END LOOP;
  RETURN r;
END
$$;
CREATE FUNCTION ora.unbase64(v text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
  RETURN (SELECT sum((position(substr(v, i, 1) IN 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') - 1)::bigint << (6 * (length(v) - i))) FROM generate_series(1, length(v)) i)::bigint;
CREATE FUNCTION ora.rowid_text(object oid, n bigint) RETURNS ora.rowid LANGUAGE sql IMMUTABLE STRICT
  RETURN (ora.base64(object::bigint, 6) || 'AAE' || ora.base64(n / 100, 6) || ora.base64(n % 100, 3))::ora.rowid;
CREATE FUNCTION ora.rowid_number(v text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF v !~ '^[A-Za-z0-9+/]{18}$' THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-01410: invalid ROWID';
  END IF;
  -- A block of ours has a hundred rows: whoever cuts by blocks asks for rows 0 to 32767.
  RETURN ora.unbase64(substr(v, 10, 6)) * 100 + least(ora.unbase64(substr(v, 16, 3)), 99);
END
$$;
CREATE FUNCTION ora.rowidtochar(v ora.rowid) RETURNS ora.varchar2 LANGUAGE sql IMMUTABLE RETURN v::text::ora.varchar2;
CREATE FUNCTION ora.chartorowid(v text) RETURNS ora.rowid LANGUAGE sql IMMUTABLE RETURN v::ora.rowid;
CREATE FUNCTION ora.dbms_rowid__rowid_create(kind numeric, object numeric, file numeric, block numeric, n numeric) RETURNS ora.rowid LANGUAGE sql IMMUTABLE
  RETURN (ora.base64(object::bigint, 6) || ora.base64(file::bigint, 3) || ora.base64(block::bigint, 6) || ora.base64(n::bigint, 3))::ora.rowid;
CREATE FUNCTION ora.dbms_rowid__rowid_object(v ora.rowid) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.unbase64(substr(v::text, 1, 6))::numeric;
CREATE FUNCTION ora.dbms_rowid__rowid_relative_fno(v ora.rowid) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.unbase64(substr(v::text, 7, 3))::numeric;
CREATE FUNCTION ora.dbms_rowid__rowid_block_number(v ora.rowid) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.unbase64(substr(v::text, 10, 6))::numeric;
CREATE FUNCTION ora.dbms_rowid__rowid_row_number(v ora.rowid) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN ora.unbase64(substr(v::text, 16, 3))::numeric;
