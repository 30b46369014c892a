"""What can go wrong, explained: each thing with an id that does not change.

Whatever stops a run or a command has an entry, and whatever keeps a record from becoming a
lead. ``octanist explain`` prints them; the sentences themselves are where things go wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from target_octanist.leads.problems import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

Group = Literal[
    "settings",
    "input",
    "file",
    "journal",
    "delivery",
    "command",
    "rejected",
    "filtered",
    "in doubt",
    "duplicate",
    "skipped",
    "changed",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can go wrong.

    Attributes:
        id: Its name, which stays.
        group: Where it belongs: what stops a run or command, or what becomes of a record.
        what: What happened.
        why: What it usually comes from.
        remedy: What to do about it.
        codes: The codes under which the journal knows it; its own and the API's.
        says: Parts of the reasons that the journal keeps by which it is known.
    """

    id: str
    group: Group
    what: str
    why: str
    remedy: str
    codes: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


_SETTINGS = (
    Entry(
        "settings-value",
        "settings",
        what="A setting has a value that it cannot have.",
        why=(
            "A number is out of its range, a word is none of those to choose from, or the value is of "
            "another kind, such as text in the place of a list."
        ),
        remedy="Change the setting that the sentence names; `target-octanist --about` describes all.",
    ),
    Entry(
        "settings-unknown",
        "settings",
        what="An entry of `streams` has a key that there is not.",
        why="It is misspelt, or it is set one level too high or too low.",
        remedy="Write it as the sentence suggests; the README lists the keys.",
    ),
    Entry(
        "settings-missing",
        "settings",
        what="A setting that is needed is not set.",
        why="There is no `api_key`, and without one no lead can be sent.",
        remedy="Set TARGET_OCTANIST_API_KEY, or `dry_run` to try things out without a key.",
    ),
    Entry(
        "settings-insecure",
        "settings",
        what="An address begins with http:// and is not on this machine.",
        why="Leads and secrets would travel unencrypted.",
        remedy="Write https://. Plain http is for addresses such as 127.0.0.1.",
    ),
    Entry(
        "settings-unreadable",
        "settings",
        what="The configuration cannot be read.",
        why=(
            "A file given with --config is not there, may not be read or is no JSON object, or a "
            "variable that should hold a list or an object is no JSON."
        ),
        remedy="Fix the file, its name or the variable that the sentence tells of; a JSON checker shows the place.",
    ),
    Entry(
        "transport-proxy",
        "settings",
        what="`transport: fast` is set, and there is a proxy on the way to `base_url`.",
        why="HTTPS_PROXY or ALL_PROXY is set in the environment, and NO_PROXY does not except the host.",
        remedy="Set `transport: auto`, or add the host to NO_PROXY where it can be reached directly.",
    ),
    Entry(
        "proxy-address",
        "settings",
        what="The proxy on the way to `base_url` has no address that can be used.",
        why="HTTPS_PROXY or ALL_PROXY is misspelt, or names a SOCKS proxy.",
        remedy="Write http://host:port, or add the host of `base_url` to NO_PROXY where it can be reached directly.",
    ),
    Entry(
        "ca-bundle",
        "settings",
        what="The certificates to trust cannot be read.",
        why="REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE in the environment names a file that is not there.",
        remedy="Name a file or folder with certificates in PEM form, or remove the variable.",
    ),
    Entry(
        "metrics-path",
        "settings",
        what="`metrics_path` cannot be written.",
        why="The folder is not there, or this user may not write to it.",
        remedy="Make the folder, or name one that node_exporter reads and this user may write to.",
    ),
    Entry(
        "extra-missing",
        "settings",
        what="Something is asked for that needs another Python package.",
        why=(
            "Packages for Excel, Parquet, PostgreSQL, Prometheus and storages of files are "
            "installed only where they are asked for."
        ),
        remedy=(
            "Run the command that the sentence names; under Meltano add the extra to `pip_url`, "
            "such as `../target-octanist[files]`, and install the loader again."
        ),
    ),
    Entry(
        "mapping-field-unknown",
        "settings",
        what="A mapping, or `dedupe_by`, names a field that a lead does not have.",
        why=(
            "It is misspelt, it is the name of a source's column, or `strict_contract: legacy` does "
            "not know it."
        ),
        remedy="Write the lead field on the left and the source's column on the right: `email: Mail`.",
    ),
    Entry(
        "mapping-key-unknown",
        "settings",
        what="A mapping has a key that there is not.",
        why="It is misspelt, or belongs to another place of the mapping.",
        remedy="Write it as the sentence suggests; README, “Mapping by example”, lists all.",
    ),
    Entry(
        "mapping-path",
        "settings",
        what="A path or a template of a mapping cannot be read.",
        why="It is no JMESPath: a bracket is missing, or a name with odd characters lacks its quotes.",
        remedy=(
            'Fix it; a column with a space or a dash is written as `"Company Name"`, in quotes of '
            "its own."
        ),
    ),
    Entry(
        "mapping-value",
        "settings",
        what="A mapping says something that has no meaning.",
        why="A value is of the wrong kind, or two options do not go together.",
        remedy="Change the place that the sentence names; README, “Mapping by example”, shows each kind.",
    ),
    Entry(
        "preset-unknown",
        "settings",
        what="There is no preset of that name.",
        why="It is misspelt, or it is a file of your own without a path.",
        remedy="Choose one that `octanist presets` lists, or write a path such as ./my_preset.yml.",
    ),
    Entry(
        "preset-unreadable",
        "settings",
        what="The file of a preset cannot be read.",
        why=(
            "It is not where the path leads, not text in UTF-8, or not YAML. A path counts from the "
            "Meltano project, else from the working directory."
        ),
        remedy="Fix the path or the file; `octanist presets ./my_preset.yml` checks it.",
    ),
    Entry(
        "preset-value",
        "settings",
        what="The file of a preset says something that has no meaning.",
        why=(
            "A key is unknown, of the wrong kind or missing, or its `format` is newer than this "
            "version."
        ),
        remedy="Change what the sentence names; `octanist presets ./my_preset.yml` checks it.",
    ),
    Entry(
        "stream-maps",
        "settings",
        what="`stream_maps` cannot be used.",
        why="An expression cannot be read, or a stream's key is removed.",
        remedy="Fix the expression that the sentence names, or take it out.",
    ),
    Entry(
        "stream-unmapped",
        "settings",
        what="A stream has no mapping, and its columns are not lead fields.",
        why=(
            "`streams` has no entry for it, the entry has another name, or the tap sends a stream "
            "that should make no leads."
        ),
        remedy=(
            "Paste the mapping that is shown, after looking it over, or deselect the stream in the "
            "tap. `octanist suggest FILE` proposes more of it."
        ),
    ),
    Entry(
        "stream-lacks-required",
        "settings",
        what="A field is `required`, and the stream has none of the columns that it is read from.",
        why="The column has another name, or the tap does not select it.",
        remedy="Change the column in the mapping, select it in the tap, or take `required` out.",
    ),
)

_INPUT = (
    Entry(
        "input-line",
        "input",
        what="A line of the input is no Singer message that can be used.",
        why="The tap was cut off or prints other things to stdout, or the message lacks a part.",
        remedy=(
            "Look at the line that is named. What came before it is settled; run again when the tap "
            "is fixed."
        ),
    ),
    Entry(
        "input-schema-missing",
        "input",
        what="A record came before the SCHEMA of its stream.",
        why="The tap does not keep to Singer's order, or a file begins in the middle.",
        remedy="Update the tap, or let the file begin with its SCHEMA lines.",
    ),
    Entry(
        "input-schema-invalid",
        "input",
        what="The SCHEMA of a stream is not a valid JSON Schema.",
        why="Some taps write schemas that nothing can be checked against.",
        remedy="Set `validate_records` to false; the lead itself is checked all the same.",
    ),
    Entry(
        "input-key-missing",
        "input",
        what="No record of a stream has the key that its SCHEMA names.",
        why="The tap does not select the column, or a stream map renames it.",
        remedy="Select the column, or name another with `key` in the settings of the stream.",
    ),
    Entry(
        "batch-file",
        "input",
        what="A file of a BATCH message cannot be read.",
        why="It is not there, damaged, or not what the message says.",
        remedy=(
            "See that tap and target see the same folder and that nothing removes the files; then "
            "run again."
        ),
    ),
    Entry(
        "suggest-nothing",
        "input",
        what="No mapping can be suggested for any stream of the input.",
        why="The streams have neither e-mail addresses nor phone numbers, or the input is empty.",
        remedy="Give it a stream of people, as the tap writes it.",
    ),
)

_FILE = (
    Entry(
        "file-unreadable",
        "file",
        what="A file cannot be read, or not to its end.",
        why=(
            "It is damaged, cut off, encrypted, not in the encoding that was tried, or a quotation "
            "mark in it is never closed."
        ),
        remedy="Fix the place that the sentence names, or say with --encoding what the text is in.",
    ),
    Entry(
        "file-kind",
        "file",
        what="A file is of a kind that `octanist load` does not read.",
        why="Its ending tells nothing, it is in Excel's old format, or it holds Singer messages.",
        remedy="Save it as .csv, .xlsx, .parquet or .jsonl. Singer messages go to target-octanist.",
    ),
    Entry(
        "file-empty",
        "file",
        what="A file has no row with the names of its columns.",
        why="It is empty, or it is another sheet of the workbook that is meant.",
        remedy="Export it again with a header, or name the sheet with --sheet.",
    ),
    Entry(
        "file-option",
        "file",
        what="An option about a file does not go with it.",
        why="It is for another kind of file, or names what the file does not have.",
        remedy="Leave it out, or change it to what the sentence says.",
    ),
    Entry(
        "load-key",
        "file",
        what="The --key of a load cannot be used.",
        why="The file has no such column, or the settings of the stream name another key.",
        remedy="Name a column of the file, or leave the option out where the settings have a `key`.",
    ),
)

_JOURNAL = (
    Entry(
        "ledger-missing",
        "journal",
        what="There is no journal where one is looked for.",
        why="No run has used it yet, or the command has other settings than the runs.",
        remedy="Give the command the settings of the runs (--config), or the journal itself (--ledger).",
    ),
    Entry(
        "ledger-unwritable",
        "journal",
        what="The journal cannot be opened for writing.",
        why="The folder is missing or read-only, or the file belongs to another user.",
        remedy="Set `ledger` to a file in a folder that this user may write to, on a volume that stays.",
    ),
    Entry(
        "ledger-address",
        "journal",
        what="`ledger` is an address that cannot be used.",
        why="It is neither a file path nor a postgresql:// URL.",
        remedy="Write a path, or postgresql://user:password@host/database.",
    ),
    Entry(
        "ledger-locked",
        "journal",
        what="The journal's file stayed locked for a minute.",
        why=(
            "Another program holds it: a database browser with an open transaction, or a backup. "
            "Runs themselves wait for each other."
        ),
        remedy="Close what holds it, and run again. On a network share use PostgreSQL instead.",
    ),
    Entry(
        "ledger-full",
        "journal",
        what="The journal cannot be written to its disk.",
        why="The disk is full, or fails.",
        remedy="Make room, and run again: nothing was sent that is not written down.",
    ),
    Entry(
        "ledger-replaced",
        "journal",
        what="The file of the journal was removed or replaced while a run was using it.",
        why="Something cleared the folder, put a backup back, or moved the journal during the run.",
        remedy=(
            "Put back the newest journal that you have, and keep the tap's STATE, so that it does "
            "not bring what this run has sent. What was in flight may be sent a second time."
        ),
    ),
    Entry(
        "ledger-damaged",
        "journal",
        what="The journal's file is not a database, or a damaged one.",
        why="`ledger` names another file, or the journal was copied while it was in use.",
        remedy=(
            "See that `ledger` names the journal; else put a backup back. With a new, empty journal "
            "everything would count as new and be sent again."
        ),
    ),
    Entry(
        "ledger-away",
        "journal",
        what="The journal's PostgreSQL database could not be reached for five minutes.",
        why="The server restarts or is down, the network is cut, or the login is refused.",
        remedy="See that the database answers, and run again: the run goes on where it was.",
    ),
    Entry(
        "ledger-newer",
        "journal",
        what="A newer version of target-octanist made the journal.",
        why="Machines that share it have different versions, or this one was set back.",
        remedy="Upgrade this one.",
    ),
    Entry(
        "ledger-older-run",
        "journal",
        what="A run of an earlier version may still be using the journal.",
        why=(
            "This version has to change the journal's tables once, and a run of the earlier one "
            "would not keep them up. A run on another machine that was cut off counts as one for "
            "two minutes."
        ),
        remedy="Wait until it is over, then run again. See that no machine has the earlier version.",
    ),
    Entry(
        "ledger-taken-over",
        "journal",
        what="Another run took this one for dead, and took over its leads.",
        why="The machine or the container was suspended for longer than two minutes.",
        remedy="Run again. No lead is sent twice.",
    ),
    Entry(
        "ledger-failed",
        "journal",
        what="The journal's database refuses something, for a reason that is rare.",
        why="The sentence has the database's own word for it.",
        remedy=(
            "See that the database is there, writable and has room, and that the login may create "
            "tables."
        ),
    ),
)

_DELIVERY = (
    Entry(
        "api-key-refused",
        "delivery",
        what="The API refuses the key (HTTP 401).",
        why="It is mistyped, was withdrawn, or belongs to another address.",
        remedy="Set `api_key` to a key of this organisation, and run again; `octanist check` tries it.",
        codes=("UNAUTHORIZED",),
    ),
    Entry(
        "api-proxy-login",
        "delivery",
        what="A proxy between this machine and the API wants a login (HTTP 407).",
        why="HTTPS_PROXY names it without one.",
        remedy="Give the login: HTTPS_PROXY=http://user:password@host:port.",
    ),
    Entry(
        "api-not-found",
        "delivery",
        what="There is no lead API at `base_url`.",
        why="The address lacks its path, or belongs to another site.",
        remedy="Set `base_url` to the API's address, such as https://octanist.com/api.",
    ),
    Entry(
        "api-denied",
        "delivery",
        what="Something before the API refuses requests, or sends them elsewhere.",
        why="A firewall or a proxy answers in its place (HTTP 403), or `base_url` redirects.",
        remedy=(
            "See what stands between this machine and the API; where it redirects, set `base_url` to "
            "the address behind."
        ),
    ),
    Entry(
        "api-unreachable",
        "delivery",
        what="`base_url` cannot be reached.",
        why="The API is down, the network is cut, or a name cannot be resolved.",
        remedy="No lead was lost: run again when it answers; `octanist check` tries it.",
    ),
    Entry(
        "api-quota-used",
        "delivery",
        what="All leads of the organisation's plan are used.",
        why="With `check_quota: fail` a run stops there.",
        remedy=(
            "Enlarge the plan or wait for the next period, and run again. `check_quota: warn` sends "
            "on; such leads may be stored but locked."
        ),
    ),
    Entry(
        "too-many-rejected",
        "delivery",
        what="More records were rejected than `max_rejected_percent` allows.",
        why="Usually a column has another name, so that the mapping finds nothing.",
        remedy="See why with `octanist status`, fix the mapping or the source, and run again.",
    ),
    Entry(
        "changes-over-limit",
        "delivery",
        what="A run would update more leads again than `max_changes` allows.",
        why=(
            "A map of stages was changed, or the source has written all of its deals again. Each "
            "status may be passed on to ad platforms as a conversion."
        ),
        remedy=(
            "Look with `octanist preview --diff`. Fix the map; or, if it is meant, set "
            "`max_changes` higher for one run. None of these changes was sent."
        ),
    ),
    Entry(
        "state-unwritable",
        "delivery",
        what="STATE cannot be written to stdout.",
        why="Whoever read it has gone: Meltano was killed, or a pipe was closed.",
        remedy="Run again. What was sent is known, and is not sent twice.",
    ),
    Entry(
        "internal-failure",
        "delivery",
        what="Something happened that was not foreseen.",
        why="It is a mistake in target-octanist.",
        remedy=(
            "Report it with the line that was printed, which holds no data of yours. Running again "
            "is safe."
        ),
    ),
)

_COMMAND = (
    Entry(
        "command-refused",
        "command",
        what="A command cannot do what it was asked to.",
        why="The sentence says why.",
        remedy="Change what the sentence names, and give the command again; --help shows an example.",
    ),
    Entry(
        "dry-run-on",
        "command",
        what="A command that sends was given settings with `dry_run`.",
        why="`dry_run` is on in the configuration or in the environment.",
        remedy="Switch it off for this command: TARGET_OCTANIST_DRY_RUN=false.",
    ),
    Entry(
        "lead-id-unknown",
        "command",
        what="An ID names no lead, or more than one.",
        why="It is mistyped or too short, or the lead was settled meanwhile.",
        remedy="List the leads again, and copy the whole ID.",
    ),
    Entry(
        "run-id-unknown",
        "command",
        what="An ID names no run, or more than one.",
        why="It is mistyped or too short, or the run has another journal.",
        remedy="List the runs with `octanist status`, and copy the whole ID.",
    ),
    Entry(
        "output-unwritable",
        "command",
        what="The file of --out cannot be written.",
        why=(
            "The folder is missing, the disk is full, or the file is there already and is not one of "
            "leads that only you may read."
        ),
        remedy="Name another file.",
    ),
    Entry(
        "explain-unknown",
        "command",
        what="The catalogue has no such entry.",
        why="The id is mistyped, or of another version.",
        remedy="List all with `octanist explain`.",
    ),
)

_LEADS = (
    Entry(
        "lead-no-contact",
        "rejected",
        what="The record has none of name, e-mail address, phone number and custom fields.",
        why="The columns are empty in this record, or the mapping reads others.",
        remedy=(
            "If it is one record, complete it in the source. If it is many, look at the mapping with "
            "`octanist preview`."
        ),
        says=(RULES["no_identity"],),
    ),
    Entry(
        "lead-required",
        "rejected",
        what="The record has no value for a field that is `required`.",
        why="The column is empty in this record.",
        remedy="Complete the record in the source, give the field a `default`, or take `required` out.",
        says=(RULES["required"],),
    ),
    Entry(
        "lead-invalid-email",
        "rejected",
        what="What is in the place of an e-mail address is none.",
        why=(
            "It is mistyped, or the column holds something else. It costs the lead only where there "
            "is no other way to reach the person, or the field is `required`."
        ),
        remedy="Fix the address in the source, or map another column.",
        says=(RULES["invalid_email"],),
    ),
    Entry(
        "lead-invalid-phone",
        "rejected",
        what="What is in the place of a phone number cannot be one.",
        why=(
            "It is too short or too long, or a spreadsheet has rounded it. It costs the lead only "
            "where there is no other way to reach the person, or the field is `required`."
        ),
        remedy="Fix the number in the source; for numbers without a country code set `phone_region`.",
        says=(RULES["invalid_phone"],),
    ),
    Entry(
        "lead-invalid-text",
        "rejected",
        what="A field that takes text found an object or a list of objects.",
        why="The path of the mapping ends one level too high.",
        remedy="Let the path lead to the text itself, such as `emails[0].value`.",
        says=(RULES["invalid_text"],),
    ),
    Entry(
        "lead-invalid-number",
        "rejected",
        what="A field with `type: number` found no number.",
        why="The column holds words, or a number in a way of writing that could be read twofold.",
        remedy="Map another column, or take `type: number` out.",
        says=(RULES["invalid_number"],),
    ),
    Entry(
        "lead-unclear-number",
        "rejected",
        what="A number such as 1,250 may be 1250, or 1.25 with a nought.",
        why=(
            "Nobody can tell whether thousands or decimals are separated there. It is left out; it "
            "costs the record only where it is `required`."
        ),
        remedy="Let the source write plain numbers, such as 1250 or 1.25.",
        says=(RULES["unclear_number"],),
    ),
    Entry(
        "lead-invalid-session",
        "rejected",
        what="The `sessionId` is no UUID.",
        why=(
            "The form's hidden field was empty or replaced. It is left out; it costs the lead only "
            "where it is `required`."
        ),
        remedy="Look at the form: `octa_sid` must hold what the pixel's session gives.",
        says=(RULES["invalid_uuid"],),
    ),
    Entry(
        "lead-no-click-time",
        "rejected",
        what="`fbc` cannot be made of a click id without the time of the click.",
        why=(
            "The column of `time` is empty or holds no time. It is left out; it costs the lead only "
            "where it is `required`."
        ),
        remedy="Map a column with the time (ISO 8601, or seconds or milliseconds).",
        says=(RULES["no_time"],),
    ),
    Entry(
        "lead-lost-number",
        "rejected",
        what="A number is NaN, infinite or endless, and so it is not a value.",
        why=(
            "A data frame writes NaN where a column is empty. It costs the lead only where the field "
            "is `required`."
        ),
        remedy="Let the source write null, or take `required` out.",
        says=(RULES["lost_number"],),
    ),
    Entry(
        "lead-schema-mismatch",
        "rejected",
        what="The record does not fit its stream's SCHEMA.",
        why="`validate_records` is on, and the tap writes what its own SCHEMA forbids.",
        remedy="Fix the tap, or set `validate_records` to false.",
        says=("does not fit its SCHEMA",),
    ),
    Entry(
        "lead-no-key",
        "rejected",
        what="The record lacks a column of the stream's key.",
        why="The source left it out; without it nobody could tell whether it was sent before.",
        remedy="Fix the source, or name another key with `key` in the settings of the stream.",
        says=("(key_properties)",),
    ),
    Entry(
        "lead-stream-map",
        "rejected",
        what="An expression of `stream_maps` failed for this record.",
        why="It meets a null, or a value of another kind than it was written for.",
        remedy="Let the expression accept such values.",
        says=("stream_maps: an expression failed",),
    ),
    Entry(
        "lead-long-row",
        "rejected",
        what="A row of a file has more fields than its header.",
        why="A delimiter inside of a text is not in quotation marks.",
        remedy="Fix the row, and load the file again.",
        says=("the row has more fields than the header",),
    ),
    Entry(
        "lead-unmappable",
        "rejected",
        what="No lead could be made of the record, and no request was made.",
        why="Its reason says which field was the cause.",
        remedy=(
            "Fix mapping or source; a re-run tries it again. `octanist explain` explains the reason, "
            "too: give it the sentence."
        ),
        codes=("UNMAPPABLE",),
    ),
    Entry(
        "lead-unread",
        "rejected",
        what="The record was refused before the mapping, and no request was made.",
        why=(
            "It does not fit its SCHEMA (`validate_records`), lacks its key, a stream map failed, or "
            "the row of a file is broken; its reason says which."
        ),
        remedy=(
            "Fix the tap or the file, its SCHEMA or the stream map, and run again, so that the "
            "record comes again. A replay leaves it as it is: a new mapping cannot help."
        ),
        codes=("INVALID_RECORD",),
    ),
    Entry(
        "lead-refused",
        "rejected",
        what="The API called the lead, or the change of one, invalid.",
        why=(
            "A value has a form that the API does not take; its own words are kept with the dead "
            "letter."
        ),
        remedy="Fix the value in mapping or source; the changed lead is tried again.",
        codes=("VALIDATION_ERROR",),
        says=(
            "the API rejected the lead",
            "the API rejected the change",
            "the API answered success: false",
        ),
    ),
    Entry(
        "change-names-none",
        "rejected",
        what="The record says what became of a lead, and not of which one.",
        why=(
            "A deal has no contact yet, or the columns of `link` or of the identifiers (`id`, "
            "`email`, `phone`) are empty or hold something else."
        ),
        remedy=(
            "Complete it in the source: a re-run tries it again. If it is many, look at `link` and "
            "the mapping with `octanist preview`."
        ),
        says=("has no other identifier of a lead", RULES["no_match_key"]),
    ),
    Entry(
        "change-unknown-lead",
        "rejected",
        what="The API has no lead that is named as the change names it (HTTP 404).",
        why="The lead was never made, was deleted, or has another e-mail address or phone number.",
        remedy=(
            "A re-run tries it again. Where the leads are made of records of another stream, find "
            "them with `link`: then a change waits until its lead is there."
        ),
        codes=("NOT_FOUND",),
        says=("the API has no such lead",),
    ),
    Entry(
        "change-many-leads",
        "rejected",
        what="Several leads are named as the change names one (HTTP 409), and none was changed.",
        why="They share an e-mail address or a phone number, and Octanist does not change them all.",
        remedy="Find the one that is meant with `link`, or by its `id`.",
        codes=("CONFLICT",),
        says=("several leads match, and the organisation",),
    ),
    Entry(
        "lead-undeliverable",
        "rejected",
        what="The lead could not be delivered in the attempts and the time that it has.",
        why="The API was throttling or could not be reached, while it answered for other leads.",
        remedy="Run again: a re-run tries it again. If it is many, lower `max_concurrency`.",
        codes=("UNDELIVERABLE",),
        says=("not sent:", "throttled with HTTP", "it is not in the API's list"),
    ),
    Entry(
        "lead-discarded",
        "rejected",
        what="Somebody decided that this lead shall not be sent, and what was kept of it is erased.",
        why="It was given up by hand.",
        remedy="Nothing. It can come again only from its source.",
        codes=("DISCARDED",),
    ),
    Entry(
        "lead-filtered",
        "filtered",
        what="The organisation's filtering rules refused the lead (HTTP 403).",
        why="The rules in Octanist say so: test addresses, competitors, countries.",
        remedy="Nothing, if the rules are right. Else change them in Octanist.",
        codes=("FORBIDDEN",),
        says=("refused by the organisation's filter rules",),
    ),
    Entry(
        "change-goes-back",
        "filtered",
        what="The lead is won, and the record has another status for it now.",
        why="With `transitions: forward` a lead that is won stays won: the sale was passed on.",
        remedy="Nothing, if that is right. With `transitions: any` the status is passed on.",
        codes=("TRANSITION",),
        says=("`transitions` lets none go back",),
    ),
    Entry(
        "lead-no-answer",
        "in doubt",
        what="The lead was sent, and no answer came.",
        why=(
            "The connection broke or the time ran out after the request had gone out, so it may have "
            "been stored."
        ),
        remedy="`octanist reconcile` asks the API once more, lists what is left, and takes your word.",
        says=("sent, but no answer came",),
    ),
    Entry(
        "lead-server-error",
        "in doubt",
        what="The API failed while it had the lead, or its answer names no lead.",
        why="The lead may have been stored before the failure.",
        remedy="`octanist reconcile` asks the API once more, lists what is left, and takes your word.",
        codes=("INTERNAL_ERROR",),
        says=("it may have been stored", "it may have been carried out"),
    ),
    Entry(
        "lead-cut-off",
        "in doubt",
        what="A run was cut off between sending the lead and the answer.",
        why="The process was killed, or the machine went down.",
        remedy="`octanist reconcile` asks the API once more, lists what is left, and takes your word.",
        says=("the run was cut off between sending and the answer",),
    ),
    Entry(
        "lead-look-alike",
        "in doubt",
        what="The API's list has leads that could be this one, and nobody can tell.",
        why="Several leads are alike, or one resembles it and differs.",
        remedy=(
            "Look in Octanist by the time at which it was sent, then say what you found: `octanist "
            "reconcile --delivered ID` or `--send ID`."
        ),
        says=(
            "several leads of the list could be this one",
            "a lead of the list resembles it, but differs",
            "of several leads that match, some are changed",
        ),
    ),
    Entry(
        "lead-list-refused",
        "in doubt",
        what="The API does not give the list in which the lead would be looked up.",
        why="The key may create leads and not read them, or something before the API refuses.",
        remedy=(
            "Give the key the right to read, then `octanist reconcile`; or look in Octanist yourself "
            "and say what you found."
        ),
        codes=("INVALID_DATE", "INVALID_FILTER"),
        says=("the API's list cannot be had",),
    ),
    Entry(
        "lead-known",
        "duplicate",
        what="The record was settled before.",
        why="The tap sent it again: a full refresh, a re-run, or a change that makes no new lead.",
        remedy="Nothing: it is not sent twice.",
        says=("this record was settled before",),
    ),
    Entry(
        "lead-same-person",
        "duplicate",
        what="A lead of the same person was sent before.",
        why="It has the same e-mail address or phone number, within `dedupe_window_days`.",
        remedy="Nothing. Where people share a number, set `dedupe_by: [email]`.",
        says=("a lead of the same person was sent before",),
    ),
    Entry(
        "lead-in-octanist",
        "duplicate",
        what="Octanist has a lead of the same person, which the journal did not know.",
        why="A form or another tool made it; `lookup` found it by its e-mail address or phone number.",
        remedy="Nothing: what becomes of it is told to that lead.",
        says=("Octanist has a lead of the same person",),
    ),
    Entry(
        "change-known",
        "duplicate",
        what="The lead was told before what the record says.",
        why=(
            "Nothing has changed since then, another record said the same of this lead, or a later "
            "record of the same run says it anew."
        ),
        remedy="Nothing: only what differs from what was told last is sent.",
        says=(
            "this change was delivered before",
            "its lead was told the same before",
            "a later record says it anew",
        ),
    ),
    Entry(
        "change-says-nothing",
        "skipped",
        what="The record says nothing of its lead that could be told.",
        why="A deal in an early stage has no status that Octanist knows, and no value yet.",
        remedy="Nothing. Where a stage should count, add it to the `map` of the `status`.",
        says=("the record says nothing of its lead",),
    ),
    Entry(
        "change-no-status",
        "changed",
        what="A status is none of qualified, won and lost, and so it is left out of the change.",
        why="The source has a word or a number of its own for it, or the deal is open.",
        remedy=(
            "Translate it with `map`, such as `status: {from: stage, map: [{is: closedwon, to: "
            "won}], default: null}`: `default: null` leaves all other stages out."
        ),
        says=(RULES["invalid_status"], RULES["open_status"]),
    ),
    Entry(
        "lead-no-region",
        "changed",
        what="A phone number has no country code, and so it is sent as digits.",
        why="`phone_region` is not set.",
        remedy="Set `phone_region`, or `region` in the mapping of the phone.",
        says=(RULES["no_region"],),
    ),
    Entry(
        "lead-unknown-region",
        "changed",
        what="The country beside a phone number is not known, and so it is not used.",
        why="It is neither an ISO code nor a name that is known.",
        remedy="Map a column with ISO codes, or set `phone_region`.",
        says=(RULES["unknown_region"],),
    ),
    Entry(
        "lead-unknown-word",
        "changed",
        what="A consent is neither a yes nor a no, and so it is taken as denied.",
        why="The source has a word of its own for it.",
        remedy="Name it in `true_values` or `false_values`.",
        says=(RULES["unknown_word"],),
    ),
    Entry(
        "lead-too-long",
        "changed",
        what="A text was longer than `max_length`, and so it was cut.",
        why="The mapping asks for it.",
        remedy="Raise `max_length`, or take it out.",
        says=(RULES["too_long"],),
    ),
)

ENTRIES: Final = (*_SETTINGS, *_INPUT, *_FILE, *_JOURNAL, *_DELIVERY, *_COMMAND, *_LEADS)
"""All entries, each group together."""

#: Why a record has the code INVALID_RECORD.
_UNREAD: Final = {"lead-schema-mismatch", "lead-no-key", "lead-stream-map", "lead-long-row"}

_BY_NAME = {name: entry for entry in ENTRIES for name in (entry.id, *entry.codes)}


def find(name: str) -> Entry | None:
    """Give the entry of an id, or of a code that the journal keeps; None if there is none."""
    return _BY_NAME.get(name) or _BY_NAME.get(name.upper())


def of_reason(reason: str) -> Iterator[Entry]:
    """Give the entries that a reason of the journal speaks of; mostly it is one."""
    return (entry for entry in ENTRIES if any(part in reason for part in entry.says))


def is_unread(reason: str) -> bool:
    """Say whether a record with this reason was refused before the mapping had seen it."""
    return any(entry.id in _UNREAD for entry in of_reason(reason))


def names() -> tuple[str, ...]:
    """Give every id and code that `find` knows."""
    return tuple(_BY_NAME)
