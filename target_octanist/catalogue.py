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
        says: Parts of the reasons that the journal keeps by which it is known, also in the
            words of earlier versions.
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
        what="A setting has an invalid value.",
        why=(
            "A number is out of range, a word is not one of the choices, or the value has the wrong "
            "type, such as text instead of a list."
        ),
        remedy="Change the setting that the message names; `target-octanist --about` describes all settings.",
    ),
    Entry(
        "settings-unknown",
        "settings",
        what="An entry of `streams` has an unknown key.",
        why="It is misspelt, or it is set one level too high or too low.",
        remedy="Write it as the message suggests; the README lists the keys.",
    ),
    Entry(
        "settings-missing",
        "settings",
        what="A required setting is missing.",
        why="There is no `api_key`, and without one no lead can be sent.",
        remedy="Set TARGET_OCTANIST_API_KEY, or use `dry_run` to try things out without a key.",
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
            "A file given with --config does not exist, may not be read or is not a JSON object, or a "
            "variable that should hold a list or an object is not JSON."
        ),
        remedy="Fix the file, its name or the variable that the message names; a JSON checker shows the place.",
    ),
    Entry(
        "transport-proxy",
        "settings",
        what="`transport: fast` is set, but there is a proxy for `base_url`.",
        why="HTTPS_PROXY or ALL_PROXY is set in the environment, and NO_PROXY does not exclude the host.",
        remedy="Set `transport: auto`, or add the host to NO_PROXY if it can be reached directly.",
    ),
    Entry(
        "proxy-address",
        "settings",
        what="The proxy for `base_url` has an invalid address.",
        why="HTTPS_PROXY or ALL_PROXY is misspelt, or names a SOCKS proxy.",
        remedy="Write http://host:port, or add the host of `base_url` to NO_PROXY if it can be reached directly.",
    ),
    Entry(
        "ca-bundle",
        "settings",
        what="The certificates to trust cannot be read.",
        why="REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE in the environment names a file that does not exist.",
        remedy="Name a file or folder with certificates in PEM form, or remove the variable.",
    ),
    Entry(
        "metrics-path",
        "settings",
        what="`metrics_path` cannot be written.",
        why="The folder does not exist, or this user may not write to it.",
        remedy="Create the folder, or name one that node_exporter reads and this user may write to.",
    ),
    Entry(
        "extra-missing",
        "settings",
        what="A feature needs another Python package.",
        why=(
            "Packages for Excel, Parquet, PostgreSQL, Prometheus and file storage are "
            "installed only on request."
        ),
        remedy=(
            "Run the command that the message names; under Meltano add the extra to `pip_url`, "
            "such as `../target-octanist[files]`, and install the loader again."
        ),
    ),
    Entry(
        "mapping-field-unknown",
        "settings",
        what="A mapping, or `dedupe_by`, names a field that a lead does not have.",
        why=(
            "It is misspelt, it is the name of a source column, or `strict_contract: legacy` does "
            "not include it."
        ),
        remedy="Write the lead field on the left and the source's column on the right: `email: Mail`.",
    ),
    Entry(
        "mapping-key-unknown",
        "settings",
        what="A mapping has an unknown key.",
        why="It is misspelt, or belongs elsewhere in the mapping.",
        remedy="Write it as the message suggests; README, “Mapping by example”, lists all keys.",
    ),
    Entry(
        "mapping-path",
        "settings",
        what="A path or a template of a mapping cannot be read.",
        why="It is not valid JMESPath: a bracket is missing, or a name with special characters lacks quotes.",
        remedy=(
            'Fix it; a column with a space or a dash is written as `"Company Name"`, in quotes of '
            "its own."
        ),
    ),
    Entry(
        "mapping-value",
        "settings",
        what="A mapping has an invalid value.",
        why="A value has the wrong type, or two options cannot be combined.",
        remedy="Change the place that the message names; README, “Mapping by example”, shows each kind.",
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
            "It is not where the path leads, not text in UTF-8, or not YAML. A path is relative to the "
            "Meltano project, or without one to the working directory."
        ),
        remedy="Fix the path or the file; `octanist presets ./my_preset.yml` checks it.",
    ),
    Entry(
        "preset-value",
        "settings",
        what="The file of a preset has an invalid value.",
        why=(
            "A key is unknown, of the wrong type or missing, or its `format` is newer than this "
            "version."
        ),
        remedy="Change what the message names; `octanist presets ./my_preset.yml` checks it.",
    ),
    Entry(
        "stream-maps",
        "settings",
        what="`stream_maps` cannot be used.",
        why="An expression cannot be read, or a stream's key is removed.",
        remedy="Fix the expression that the message names, or remove it.",
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
            "Review the mapping that is shown and paste it, or deselect the stream in the "
            "tap. `octanist suggest FILE` suggests a complete mapping, and `octanist presets` lists ready-made ones."
        ),
    ),
    Entry(
        "stream-lacks-required",
        "settings",
        what="A field is `required`, and the stream has none of the columns that it is read from.",
        why="The column has another name, or the tap does not select it.",
        remedy="Change the column in the mapping, select it in the tap, or remove `required`.",
    ),
)

_INPUT = (
    Entry(
        "input-line",
        "input",
        what="A line of the input is not a valid Singer message.",
        why="The tap was interrupted or prints other output to stdout, or the message is incomplete.",
        remedy=(
            "Look at the line that is named. Earlier records are settled. Run again when the tap "
            "is fixed."
        ),
    ),
    Entry(
        "input-schema-missing",
        "input",
        what="A record came before the SCHEMA of its stream.",
        why="The tap does not follow Singer's order, or the file is only a part.",
        remedy="Update the tap, or start the file with its SCHEMA lines.",
    ),
    Entry(
        "input-schema-invalid",
        "input",
        what="The SCHEMA of a stream is not a valid JSON Schema.",
        why="Some taps write schemas that nothing can be checked against.",
        remedy="Set `validate_records` to false; the lead itself is still checked.",
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
        why="It does not exist, is damaged, or is not what the BATCH message says.",
        remedy=(
            "Make sure that tap and target see the same folder and that nothing removes the files; then "
            "run again."
        ),
    ),
    Entry(
        "suggest-nothing",
        "input",
        what="No mapping can be suggested for any stream of the input.",
        why="The streams have neither e-mail addresses nor phone numbers, or the input is empty.",
        remedy="Use a stream of people, as the tap writes it.",
    ),
)

_FILE = (
    Entry(
        "file-unreadable",
        "file",
        what="A file cannot be read completely.",
        why=(
            "It is damaged, cut off, encrypted, not in the encoding that was tried, or a quotation "
            "mark in it is never closed."
        ),
        remedy="Fix the place that the message names, or set the text's encoding with --encoding.",
    ),
    Entry(
        "file-kind",
        "file",
        what="`octanist load` does not read this type of file.",
        why="Its extension is unknown, it has Excel's old format, or it holds Singer messages.",
        remedy="Save it as .csv, .xlsx, .parquet or .jsonl. Singer messages go to target-octanist.",
    ),
    Entry(
        "file-empty",
        "file",
        what="A file has no header row.",
        why="It is empty, or another sheet of the workbook was meant.",
        remedy="Export it again with a header, or name the sheet with --sheet.",
    ),
    Entry(
        "file-option",
        "file",
        what="An option does not fit the file.",
        why="It is for another type of file, or names something that the file does not have.",
        remedy="Leave it out, or change it as the message says.",
    ),
    Entry(
        "load-key",
        "file",
        what="The --key of a load cannot be used.",
        why="The file has no such column, or the settings of the stream name another key.",
        remedy="Name a column of the file, or leave the option out if the settings have a `key`.",
    ),
)

_JOURNAL = (
    Entry(
        "ledger-missing",
        "journal",
        what="There is no journal in the expected place.",
        why="No run has used it yet, or the command uses different settings from the runs.",
        remedy="Give the command the settings of the runs (--config), or the journal itself (--ledger).",
    ),
    Entry(
        "ledger-unwritable",
        "journal",
        what="The journal cannot be opened for writing.",
        why="The folder is missing or read-only, or the file belongs to another user.",
        remedy="Set `ledger` to a file in a folder that this user may write to, on a persistent volume.",
    ),
    Entry(
        "ledger-address",
        "journal",
        what="`ledger` has an invalid address.",
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
        remedy="Free some space, and run again: nothing was sent that is not in the journal.",
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
        what="The journal's file is not a database, or is damaged.",
        why="`ledger` names another file, or the journal was copied while it was in use.",
        remedy=(
            "Check that `ledger` names the journal; otherwise restore a backup. With a new, empty journal "
            "everything would count as new and be sent again."
        ),
    ),
    Entry(
        "ledger-away",
        "journal",
        what="The journal's PostgreSQL database could not be reached for five minutes.",
        why="The server is restarting or down, the network is interrupted, or the login is refused.",
        remedy="Make sure that the database answers, and run again: the new run continues from there.",
    ),
    Entry(
        "ledger-newer",
        "journal",
        what="A newer version of target-octanist made the journal.",
        why="Machines that share it have different versions, or this one was downgraded.",
        remedy="Upgrade this one.",
    ),
    Entry(
        "ledger-older-run",
        "journal",
        what="A run of an earlier version may still be using the journal.",
        why=(
            "This version must convert the journal's tables once, and a run of an earlier version "
            "cannot use the new ones. An interrupted run on another machine counts as active for "
            "two minutes."
        ),
        remedy="Wait until it has ended, then run again. Make sure that no machine has the earlier version.",
    ),
    Entry(
        "ledger-taken-over",
        "journal",
        what="Another run considered this one dead, and took over its leads.",
        why="The machine or the container was suspended for longer than two minutes.",
        remedy="Run again. No lead is sent twice.",
    ),
    Entry(
        "ledger-failed",
        "journal",
        what="The journal's database refused something, for an unusual reason.",
        why="The message has the database's own words.",
        remedy=(
            "Check that the database exists, is writable and has free space, and that the login may create "
            "tables."
        ),
    ),
)

_DELIVERY = (
    Entry(
        "api-key-refused",
        "delivery",
        what="The API refuses the key (HTTP 401).",
        why="It is mistyped, was revoked, or belongs to another address.",
        remedy="Set `api_key` to a key of this organisation, and run again; `octanist check` tries it.",
        codes=("UNAUTHORIZED",),
    ),
    Entry(
        "api-proxy-login",
        "delivery",
        what="A proxy between this machine and the API requires a login (HTTP 407).",
        why="HTTPS_PROXY contains no login.",
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
        what="Something in front of the API refuses requests, or redirects them.",
        why="A firewall or a proxy answers in its place (HTTP 403), or `base_url` redirects.",
        remedy=(
            "Check what is between this machine and the API. If it redirects, set `base_url` to "
            "the final address."
        ),
    ),
    Entry(
        "api-unreachable",
        "delivery",
        what="`base_url` cannot be reached.",
        why="The API is down, the network is interrupted, or a name cannot be resolved.",
        remedy="No lead was lost: run again when it answers; `octanist check` tries it.",
    ),
    Entry(
        "api-quota-used",
        "delivery",
        what="All leads of the organisation's plan are used.",
        why="With `check_quota: fail` a run stops then.",
        remedy=(
            "Upgrade the plan or wait for the next period, and run again. `check_quota: warn` continues "
            "to send; such leads may be stored but locked."
        ),
    ),
    Entry(
        "too-many-rejected",
        "delivery",
        what="More records were rejected than `max_rejected_percent` allows.",
        why=(
            "Usually a column has another name, so that the mapping finds nothing. Records are counted "
            "in the order of the input, up to the one that exceeds the share."
        ),
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
            "Check with `octanist preview --diff`. Fix the map; or, if this is intended, set "
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
        what="An unexpected error occurred.",
        why="It is a bug in target-octanist.",
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
        what="A command cannot do what you asked.",
        why="The message says why.",
        remedy="Change what the message names, and run the command again; --help shows an example.",
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
            "The folder is missing, the disk is full, or the file already exists and is not an "
            "earlier file of leads that only you can read."
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
            "If it is one record, complete it in the source. If there are many, look at the mapping with "
            "`octanist preview`."
        ),
        says=(RULES["no_identity"],),
    ),
    Entry(
        "lead-required",
        "rejected",
        what="The record has no value for a field that is `required`.",
        why="The column is empty in this record.",
        remedy="Complete the record in the source, give the field a `default`, or remove `required`.",
        says=(RULES["required"],),
    ),
    Entry(
        "lead-invalid-email",
        "rejected",
        what="The value is not a valid e-mail address.",
        why=(
            "It is mistyped, or the column holds something else. The record is rejected only if there "
            "is no other way to reach the person, or the field is `required`."
        ),
        remedy="Fix the address in the source, or map another column.",
        says=(RULES["invalid_email"],),
    ),
    Entry(
        "lead-invalid-phone",
        "rejected",
        what="The value cannot be a phone number.",
        why=(
            "It is too short or too long, or a spreadsheet has rounded it. The record is rejected only "
            "if there is no other way to reach the person, or the field is `required`."
        ),
        remedy="Fix the number in the source; for numbers without a country code set `phone_region`.",
        says=(RULES["invalid_phone"],),
    ),
    Entry(
        "lead-invalid-text",
        "rejected",
        what="A field that takes text found an object or a list of objects.",
        why="The path of the mapping ends one level too high.",
        remedy="Extend the path to the text itself, such as `emails[0].value`.",
        says=(RULES["invalid_text"],),
    ),
    Entry(
        "lead-invalid-number",
        "rejected",
        what="A field with `type: number` found no number.",
        why="The column holds words, or a number with an ambiguous format.",
        remedy="Map another column, or remove `type: number`.",
        says=(RULES["invalid_number"],),
    ),
    Entry(
        "lead-unclear-number",
        "rejected",
        what="A number such as 1,250 may mean 1250 or 1.25.",
        why=(
            "It is unclear whether thousands or decimals are separated. The number is left out; the "
            "record is rejected only if it is `required`."
        ),
        remedy="Let the source write plain numbers, such as 1250 or 1.25.",
        says=(RULES["unclear_number"],),
    ),
    Entry(
        "lead-invalid-session",
        "rejected",
        what="The `sessionId` is not a UUID.",
        why=(
            "The form's hidden field was empty or replaced. It is left out; the record is rejected only "
            "if it is `required`."
        ),
        remedy="Look at the form: `octa_sid` must hold the id of the pixel's session.",
        says=(RULES["invalid_uuid"],),
    ),
    Entry(
        "lead-no-click-time",
        "rejected",
        what="`fbc` cannot be made from a click id without the time of the click.",
        why=(
            "The column of `time` is empty or holds no time. `fbc` is left out; the record is rejected only "
            "if it is `required`."
        ),
        remedy="Map a column with the time (ISO 8601, or seconds or milliseconds).",
        says=(RULES["no_time"], "has no time that can be read beside it"),
    ),
    Entry(
        "lead-lost-number",
        "rejected",
        what="A number is NaN, infinite or too large, so it counts as empty.",
        why=(
            "A data frame writes NaN for empty values. The record is rejected only if the field "
            "is `required`."
        ),
        remedy="Let the source write null, or remove `required`.",
        says=("is NaN, infinite or longer than 400 digits",),
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
        why="The source left it out. Without it the target cannot know whether the record was sent before.",
        remedy="Fix the source, or name another key with `key` in the settings of the stream.",
        says=("(key_properties)",),
    ),
    Entry(
        "lead-stream-map",
        "rejected",
        what="An expression of `stream_maps` failed for this record.",
        why="It got a null, or a value of a type that it does not handle.",
        remedy="Make the expression handle such values.",
        says=("stream_maps: an expression failed",),
    ),
    Entry(
        "lead-long-row",
        "rejected",
        what="A row of a file has more fields than its header.",
        why="A delimiter within a text is not in quotation marks.",
        remedy="Fix the row, and load the file again.",
        says=("the row has more fields than the header",),
    ),
    Entry(
        "lead-unmappable",
        "rejected",
        what="The record could not become a lead, and no request was made.",
        why="Its reason says which field was the cause.",
        remedy=(
            "Fix the mapping or the source; a re-run tries it again. `octanist explain` also explains "
            "the reason: pass it in quotation marks."
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
            "A value has a form that the API does not accept; the API's answer is kept with the dead "
            "letter."
        ),
        remedy="Fix the value in the mapping or the source; the changed lead is tried again.",
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
        what="The record updates a lead, but does not say which one.",
        why=(
            "A deal has no contact yet, or the columns of `link` or of the identifiers (`id`, "
            "`email`, `phone`) are empty or hold something else."
        ),
        remedy=(
            "Complete it in the source: a re-run tries it again. If there are many, look at `link` and "
            "the mapping with `octanist preview`."
        ),
        says=("has no other identifier of a lead", RULES["no_match_key"]),
    ),
    Entry(
        "change-unknown-lead",
        "rejected",
        what="The API has no lead with the change's id, e-mail address or phone number (HTTP 404).",
        why="The lead was never created, was deleted, or has another e-mail address or phone number.",
        remedy=(
            "A re-run tries it again. If the leads come from records of another stream, find "
            "them with `link`: then a change waits until its lead is delivered."
        ),
        codes=("NOT_FOUND",),
        says=("the API has no such lead",),
    ),
    Entry(
        "change-many-leads",
        "rejected",
        what="Several leads match the change (HTTP 409), and none was changed.",
        why="They share an e-mail address or a phone number, and Octanist does not change them all.",
        remedy="Identify the right one with `link`, or by its `id`.",
        codes=("CONFLICT",),
        says=("several leads match, and the organisation",),
    ),
    Entry(
        "lead-undeliverable",
        "rejected",
        what="The lead could not be delivered within its attempts and time.",
        why="The API was throttling or could not be reached, while it answered for other leads.",
        remedy="Run again: a re-run tries it again. If there are many, lower `max_concurrency`.",
        codes=("UNDELIVERABLE",),
        says=("not sent:", "throttled with HTTP", "it is not in the API's list"),
    ),
    Entry(
        "lead-discarded",
        "rejected",
        what="Somebody discarded this record; its kept data is erased.",
        why="`octanist dead-letters discard` was used.",
        remedy="Nothing. It can come again only from its source.",
        codes=("DISCARDED",),
    ),
    Entry(
        "lead-filtered",
        "filtered",
        what="The organisation's filtering rules refused the lead (HTTP 403).",
        why="The rules in Octanist say so: test addresses, competitors, countries.",
        remedy="Nothing, if the rules are right. Otherwise change them in Octanist.",
        codes=("FORBIDDEN",),
        says=("refused by the organisation's filter rules",),
    ),
    Entry(
        "change-goes-back",
        "filtered",
        what="The lead is won, but the record now has another status for it.",
        why="With `transitions: forward` a lead that is won stays won: the sale was passed on.",
        remedy="Nothing, if that is right. With `transitions: any` the status is sent.",
        codes=("TRANSITION",),
        says=("with `transitions: forward` it stays won", "`transitions` lets none go back"),
    ),
    Entry(
        "lead-no-answer",
        "in doubt",
        what="The lead was sent, and no answer came.",
        why=(
            "The connection broke or the time ran out after the request had gone out, so it may have "
            "been stored."
        ),
        remedy="`octanist reconcile` asks the API once more, lists what is left, and lets you decide.",
        says=("sent, but no answer came",),
    ),
    Entry(
        "lead-server-error",
        "in doubt",
        what="The API failed while it had the lead, or its answer names no lead.",
        why="The lead may have been stored before the failure.",
        remedy="`octanist reconcile` asks the API once more, lists what is left, and lets you decide.",
        codes=("INTERNAL_ERROR",),
        says=("it may have been stored", "it may have been carried out"),
    ),
    Entry(
        "lead-cut-off",
        "in doubt",
        what="A run was cut off between sending the lead and the answer.",
        why="The process was killed, or the machine went down.",
        remedy="`octanist reconcile` asks the API once more, lists what is left, and lets you decide.",
        says=("the run was cut off between sending and the answer",),
    ),
    Entry(
        "lead-look-alike",
        "in doubt",
        what="The API's list has leads that could be this one, but it is not certain.",
        why="Several leads are alike, or one is similar but different.",
        remedy=(
            "Look in Octanist by the time when it was sent, then decide: `octanist "
            "reconcile --delivered ID` or `--send ID`."
        ),
        says=(
            "several leads in the list could be this one",
            "a lead in the list is similar, but not the same",
            "several leads match, and only some were changed",
            "several leads of the list could be this one",
            "a lead of the list resembles it, but differs",
            "of several leads that match, some are changed",
        ),
    ),
    Entry(
        "lead-list-refused",
        "in doubt",
        what="The API does not give the list in which the lead would be looked up.",
        why="The key may create leads but not read them, or something in front of the API refuses.",
        remedy=(
            "Give the key the right to read, then `octanist reconcile`; or look in Octanist yourself "
            "and decide."
        ),
        codes=("INVALID_DATE", "INVALID_FILTER"),
        says=("the API's list cannot be read", "the API's list cannot be had"),
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
        remedy="Nothing. If people share a number, set `dedupe_by: [email]`.",
        says=("a lead of the same person was sent before",),
    ),
    Entry(
        "lead-in-octanist",
        "duplicate",
        what="Octanist has a lead of the same person, which the journal did not know.",
        why="A form or another tool created it; `lookup` found it by its e-mail address or phone number.",
        remedy="Nothing: updates go to that lead.",
        says=("Octanist has a lead of the same person",),
    ),
    Entry(
        "change-known",
        "duplicate",
        what="The update was already sent.",
        why=(
            "Nothing has changed since then, another record said the same of this lead, or a later "
            "record of the same run repeats it."
        ),
        remedy="Nothing: only differences from the last update are sent.",
        says=(
            "this change was delivered before",
            "its lead already has this update",
            "a later record replaces it",
            "its lead was told the same before",
            "a later record says it anew",
        ),
    ),
    Entry(
        "change-says-nothing",
        "skipped",
        what="The record contains no update for its lead.",
        why="A deal in an early stage has no status that Octanist knows, and no value yet.",
        remedy="Nothing. If a stage should count, add it to the `map` of the `status`.",
        says=(
            "the record contains no update for its lead",
            "the record says nothing of its lead",
        ),
    ),
    Entry(
        "change-no-status",
        "changed",
        what="A status is not qualified, won or lost, so it is left out of the change.",
        why="The source has its own word or number for it, or the deal is open.",
        remedy=(
            "Translate it with `map`, such as `status: {from: stage, map: [{is: closedwon, to: "
            "won}], default: null}`: `default: null` ignores all other stages."
        ),
        says=(
            RULES["invalid_status"],
            RULES["open_status"],
            "is none of qualified, won and lost, so the status is left out",
        ),
    ),
    Entry(
        "lead-no-region",
        "changed",
        what="A phone number has no country code, so it is sent as digits.",
        why="`phone_region` is not set.",
        remedy="Set `phone_region`, or `region` in the mapping of the phone.",
        says=(RULES["no_region"],),
    ),
    Entry(
        "lead-unknown-region",
        "changed",
        what="The country for a phone number is unknown, so it is not used.",
        why="It is neither an ISO code nor a name that is known.",
        remedy="Map a column with ISO codes, or set `phone_region`.",
        says=(
            RULES["unknown_region"],
            "the country beside it is not one that is known",
        ),
    ),
    Entry(
        "lead-no-number",
        "changed",
        what="The value for a phone number has words and fewer than five digits, so it counts as empty.",
        why=(
            "The mapping names another column, such as one with names, or people write remarks there. The "
            "record is rejected only if `phone` is `required`."
        ),
        remedy="Check the column of `phone` in the mapping; remarks can stay as they are.",
        says=(RULES["no_number"],),
    ),
    Entry(
        "lead-unknown-word",
        "changed",
        what="A consent value is neither yes nor no, so it counts as denied.",
        why="The source has a word of its own for it.",
        remedy="Name it in `true_values` or `false_values`.",
        says=(RULES["unknown_word"], "is neither a yes nor a no"),
    ),
    Entry(
        "lead-too-long",
        "changed",
        what="A text was longer than `max_length`, so it was cut.",
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
