"""Each sentence with which a save is refused, and the test that has it.

A sentence is named by its beginning, with ``{}`` for what is put in. The test looks for the words that follow.
"""

from __future__ import annotations

from typing import NamedTuple


class Checked(NamedTuple):
    """Where a refusal is tested."""

    #: ``folder/file.py::test``, below ``tests``.
    test: str
    #: Stands in that test.
    words: str


_INPUT = "unit/test_input_faults.py::test_each_fault_is_the_only_one_and_named"
_LIST = "unit/test_activities_faults.py::test_one_fault_is_one_sentence"
_CHAIN = "unit/test_certificate_faults.py::"
_FILE = "integration/test_certificate.py::"
_URL = "unit/test_callback_url.py::test_a_url_that_nobody_can_call_has_one_fault"
_TABS = "unit/test_configuration.py::test_all_faults_of_all_tabs_are_reported_together"
_ROWS = "unit/test_application_check.py::"
_CONSENT = "unit/test_consent.py::"
_HOOK = "unit/test_custom_hook_mixin.py::"
_FORM = "unit/test_form.py::test_each_kind_of_field_has_its_sentence"
_ARGUMENTS = "integration/test_handlers_garbage.py::test_what_no_page_sends_is_refused_in_a_sentence"

#: By module and beginning of the sentence.
REFUSALS = {
    "strava_collector/input_faults.py": {
        "With a reverse proxy on this host": Checked(
            "unit/test_input_faults.py::test_plain_http_for_a_proxy_on_this_host_needs_no_certificate_and_may_have_none",
            "the input uses no certificate",
        ),
        "There is an input {} with the name": Checked(
            "unit/test_activities_faults.py::test_a_name_is_unique_over_both_kinds_of_inputs", "already: choose another"
        ),
        "There is no application {}.": Checked(_INPUT, "no application “gone”"),
        "There is no index {}": Checked(_INPUT, "no index “gone”"),
        "The callback URL {}, but": Checked(_INPUT, "but the input listens on port 8443"),
        "The port {} cannot be used": Checked(
            "unit/test_input_faults.py::test_any_other_trouble_with_the_port_is_told", "cannot be used"
        ),
        "The verify token is missing.": Checked(_INPUT, "verify token is missing"),
        "The verify token must": Checked(_INPUT, "8 to 200"),
        "The port {} may not be used": Checked(
            "unit/test_input_faults.py::test_a_port_that_is_not_permitted_is_refused", "may not be used"
        ),
        "The input “{}” is enabled": Checked(
            "unit/test_input_faults.py::test_an_application_has_one_enabled_input", "is enabled for the application"
        ),
        "The port {} belongs to the input": Checked(
            "unit/test_input_faults.py::test_the_port_of_another_input_is_one_fault_that_names_it",
            "belongs to the input",
        ),
        "The port {} is in use": Checked(
            "unit/test_input_faults.py::test_a_port_that_another_program_has_is_refused", "is in use by another program"
        ),
    },
    "strava_collector/activities_faults.py": {
        "There is no application yet.": Checked(
            "unit/test_activities_faults.py::test_before_there_is_an_application_the_user_is_told_what_to_do_first",
            "There is no application yet.",
        ),
        "The start date is in the future": Checked(_LIST, "in the future"),
        "No athlete is connected to the application": Checked(_LIST, "No athlete is connected to the application"),
        "There is no athlete {}.": Checked(_LIST, "There is no athlete “zoe”"),
        "The athlete {} is not connected yet.": Checked(_LIST, "The athlete “carl” is not connected yet."),
        "The athlete {} is connected to": Checked(_LIST, "is connected to the application “Work”, not to"),
    },
    "strava_collector/certificate_faults.py": {
        "If a reverse proxy shows Strava": Checked(
            f"{_CHAIN}test_what_a_proxy_may_show_in_its_place_is_said", "say so in “In front of this port”"
        ),
        "The certificate in {} cannot be decoded": Checked(
            f"{_CHAIN}test_a_certificate_that_cannot_be_decoded_is_a_fault", "cannot be decoded"
        ),
        "The certificate in {} does not cover": Checked(
            f"{_CHAIN}test_a_certificate_for_another_host_names_those_that_it_covers", "does not cover the host"
        ),
        "The certificate in {} is refused by clients": Checked(
            f"{_CHAIN}test_an_intermediate_whose_time_it_is_not_is_a_fault", "not yet valid"
        ),
        "The certificate in {} cannot be trusted": Checked(
            f"{_CHAIN}test_an_intermediate_whose_time_it_is_not_is_a_fault", "in its chain has expired"
        ),
        "The certificate file {} has a line": Checked(
            f"{_CHAIN}test_a_certificate_in_openssls_own_form_is_refused_and_how_to_convert_it_is_said",
            "TRUSTED CERTIFICATE",
        ),
        "The certificate in {} is self-signed": Checked(
            f"{_CHAIN}test_a_self_signed_certificate_is_called_so", "self-signed"
        ),
        "The chain in {} ends at": Checked(
            f"{_CHAIN}test_an_authority_that_nobody_trusts_is_named", "Strava accepts only public ones"
        ),
        "The chain in {} is incomplete": Checked(
            f"{_CHAIN}test_without_the_intermediate_its_issuer_is_named", "incomplete"
        ),
        "The certificate in {} comes from": Checked(
            f"{_CHAIN}test_an_authority_that_nobody_trusts_is_named", "no authority that this host trusts"
        ),
        "The certificate in {} expired on": Checked(
            f"{_CHAIN}test_an_expired_certificate_is_said_to_be_with_its_day", "expired on"
        ),
        "The certificate in {} is not valid before": Checked(
            f"{_CHAIN}test_a_certificate_of_tomorrow_is_too_early", "not valid before"
        ),
    },
    "strava_collector/certificate.py": {
        "The {} {} is damaged or incomplete": Checked(
            f"{_CHAIN}test_which_file_is_damaged_is_said_in_the_users_words", "is damaged or incomplete"
        ),
        "The key file {} is encrypted": Checked(
            "unit/test_input_faults.py::test_an_encrypted_key_and_one_of_another_certificate_are_refused", "encrypted"
        ),
        "The {} {} is not PEM": Checked(f"{_FILE}test_der_is_not_pem", "not PEM"),
        "OpenSSL cannot serve with": Checked(
            f"{_CHAIN}test_whatever_else_openssl_says_of_a_pair_is_told", "OpenSSL cannot serve with"
        ),
        "The {} {} holds a private key": Checked(f"{_FILE}test_swapped_files_are_recognised", "swapped"),
        "The {} {} holds a certificate": Checked(f"{_FILE}test_swapped_files_are_recognised", "swapped"),
        "The key file {} does not belong": Checked(
            "unit/test_input_faults.py::test_an_encrypted_key_and_one_of_another_certificate_are_refused",
            "does not belong to the certificate",
        ),
        "The certificate in {} is too weak": Checked(
            f"{_CHAIN}test_whatever_else_openssl_says_of_a_pair_is_told", "is too weak for OpenSSL"
        ),
        "The {} {} must be a full path": Checked(_INPUT, "must be a full path"),
        "The {} {} is empty": Checked(f"{_FILE}test_an_empty_file_is_called_empty", "is empty"),
    },
    "strava_collector/pem_file.py": {
        "cannot be read: give": Checked(
            "integration/test_renewal.py::test_a_key_that_cannot_be_read_is_said_until_it_can",
            "give the user that runs Splunk the permission",
        ),
        "cannot be read ({})": Checked(f"{_FILE}test_a_path_that_is_none_is_refused", "cannot be read (File name"),
        "does not exist": Checked(f"{_FILE}test_missing_files_are_reported_together", "does not exist"),
        "is a folder": Checked(f"{_FILE}test_a_folder_is_not_a_file", "is a folder"),
        "is larger than": Checked(f"{_FILE}test_a_huge_file_is_not_loaded", "larger than 1 MB"),
        "is no file that can be read": Checked(
            f"{_FILE}test_a_regular_file_that_has_nothing_to_give_does_not_hold_us",
            "no file that can be read to its end",
        ),
        "is not a regular file": Checked(f"{_FILE}test_a_device_is_not_read", "not a regular file"),
    },
    "strava_collector/trust.py": {
        "{} has a line BEGIN TRUSTED": Checked(
            "unit/test_trust.py::test_a_ca_file_that_cannot_be_used_is_refused_at_once_and_in_a_sentence",
            "BEGIN TRUSTED CERTIFICATE",
        ),
        "{} holds no certificate": Checked(f"{_HOOK}test_a_ca_file_that_cannot_be_used_is_refused", "no certificate"),
    },
    "strava_collector/input_stanza.py": {
        "{} is missing.": Checked(_LIST, "The application is missing."),
        "The verify token is missing.": Checked(
            "unit/test_configuration.py::test_an_input_that_means_nothing_is_refused_with_all_faults",
            "The verify token is missing.",
        ),
        "The look back ({} days)": Checked(_LIST, "The look back (7 days) must be longer"),
        "The start date must be a date": Checked(_LIST, "must be a date as in 2015-01-31"),
        "What stands in front": Checked(_INPUT, "one of nothing, router, proxy, local_proxy"),
        "The order must be one of": Checked(_LIST, "newest, oldest"),
    },
    "strava_collector/callback_url.py": {
        "The callback URL has {} characters": Checked(_INPUT, "has 256 characters"),
        "The callback URL has blanks": Checked(_INPUT, "ASCII"),
        "The callback URL must begin with": Checked(_INPUT, "https"),
        "The callback URL names the port 0": Checked(_INPUT, "port 0"),
        "The callback URL needs a path": Checked(_URL, "needs a path"),
        "The callback URL must have no user name": Checked(_URL, "question mark"),
        "The callback URL is no URL": Checked(_INPUT, "[{HOST}/p"),
        "The callback URL's host “{}”": Checked(_URL, "no host name and no IP address"),
        "The callback URL's path": Checked(_INPUT, "no part “.” or “..”"),
        "The callback URL must have another path": Checked(_INPUT, "/health"),
    },
    "strava_collector/configuration.py": {
        "The name must begin with a letter": Checked(
            f"{_HOOK}test_a_name_that_is_no_stanza_is_refused", "The name must begin with a letter"
        ),
        "The field {} has line breaks": Checked(
            f"{_HOOK}test_a_line_break_cannot_begin_a_new_line_of_the_file", "has line breaks"
        ),
        "The client ID of the application": Checked(_TABS, "“club”"),
        "The client secret of the application": Checked(_TABS, "“lost”"),
        "The proxy's host": Checked(_TABS, "http://x"),
        "The proxy has a password": Checked(f"{_HOOK}test_a_proxy_password_needs_a_user_name", "no user name"),
        "The proxy's user name": Checked(
            "unit/test_configuration.py::test_half_a_character_is_no_part_of_a_credential",
            "characters that cannot be sent",
        ),
        "The kind of proxy": Checked(
            "unit/test_configuration.py::test_a_kind_of_proxy_that_there_is_not_is_refused", "The kind of proxy"
        ),
        "The CA file (Configuration": Checked(
            f"{_HOOK}test_what_the_page_does_not_see_is_checked_besides", "must be a full path"
        ),
        "The log level": Checked(_TABS, "log level"),
        "{} (Configuration → Advanced) must begin": Checked(_TABS, "API URL"),
        "{} must be a number": Checked(_TABS, "settle time"),
        "{} must be a whole number": Checked(_LIST, "must be a whole number from 60 to 604800"),
        "The athlete {} is connected twice": Checked(_TABS, "7001"),
    },
    "strava_collector/form.py": {
        "{}: this is a link": Checked(_FORM, "this is a link, not a field."),
        "{}: choose {}.": Checked(_FORM, "choose “one” or “two”."),
        "{}: this is either on": Checked(_FORM, "this is either on (1) or off (0)."),
        "{}: an index has": Checked(
            "unit/test_form.py::test_an_index_is_called_as_splunk_has_it", "an index has lower-case letters"
        ),
        "{}: enter the value itself": Checked(
            "unit/test_form.py::test_stars_stand_for_a_secret_that_exists", "enter the value itself"
        ),
        "{} is missing.": Checked(
            "unit/test_form.py::test_what_is_not_sent_is_not_judged_and_what_is_empty_is_missing_only_if_required",
            "Client ID is missing.",
        ),
        "{}: this value is not possible": Checked(_FORM, "this value is not possible."),
    },
    "strava_collector/application_check.py": {
        "The application “{}” is used {}.": Checked(
            f"{_ROWS}test_an_application_is_needed_by_athletes_and_inputs", "is used by"
        ),
        "Strava did not answer within": Checked(
            f"{_ROWS}test_nobody_waits_for_a_call_that_does_not_come_back", "did not answer within"
        ),
        "Strava did not answer the question": Checked(
            f"{_ROWS}test_what_strava_answered_instead_is_said", "did not answer the question"
        ),
        "The client ID cannot change": Checked(
            f"{_ROWS}test_an_application_is_entered_once_and_keeps_its_id_while_athletes_are_connected", "cannot change"
        ),
        "{} Save the row again": Checked(
            f"{_ROWS}test_whatever_says_nothing_about_the_pair_leaves_it_unverified", "Save the row again to ask"
        ),
        "Strava knows no application": Checked(f"{_ROWS}test_a_refusal_names_what_is_wrong", "no application with"),
        "Strava knows the client ID": Checked(
            f"{_ROWS}test_a_refusal_names_what_is_wrong", "the client secret does not belong to it"
        ),
        "Strava has switched this application off.": Checked(
            f"{_ROWS}test_an_application_that_is_off_may_be_saved", "State.INACTIVE"
        ),
        "Strava accepts the client ID": Checked(f"{_ROWS}test_a_list_of_subscriptions_verifies", "State.VERIFIED"),
        "Strava's rate limit": Checked(f"{_ROWS}test_what_strava_answered_instead_is_said", "rate limit"),
        "Strava answered with something else": Checked(
            f"{_ROWS}test_what_strava_answered_instead_is_said", "something else than the list"
        ),
        "The application “{}” has the client ID": Checked(
            f"{_ROWS}test_an_application_is_entered_once_and_keeps_its_id_while_athletes_are_connected",
            "has the client ID 88",
        ),
        "The add-on failed to ask": Checked(
            f"{_ROWS}test_a_call_that_breaks_is_named_without_what_it_quotes", "The add-on failed to ask"
        ),
    },
    "strava_collector/consent.py": {
        "There is no application with this client ID": Checked(
            f"{_CONSENT}test_an_unknown_client_id_is_refused", "no application"
        ),
        "Strava's answer did not reach": Checked(
            f"{_CONSENT}test_a_reply_with_more_fields_than_strava_sends_is_incomplete", "did not reach Splunk"
        ),
        "The athlete did not consent": Checked(f"{_CONSENT}test_a_refused_consent_says_so", "did not consent"),
        "Strava reported an error": Checked(f"{_CONSENT}test_a_refused_consent_says_so", "reported an error"),
        "At Strava, the boxes": Checked(f"{_CONSENT}test_a_scope_that_strava_does_not_have_is_none", "were not ticked"),
        "The consent was given to another": Checked(
            f"{_CONSENT}test_a_row_that_does_not_fit_the_consent_is_refused", "another application"
        ),
        "“{}” is athlete {}": Checked(
            f"{_CONSENT}test_a_row_that_does_not_fit_the_consent_is_refused", "is athlete 7002"
        ),
        "{} (athlete {}) is connected already": Checked(
            f"{_CONSENT}test_a_row_that_does_not_fit_the_consent_is_refused", "connected already"
        ),
    },
    "strava_collector/row_lock.py": {
        "Another change of athletes": Checked(
            "unit/test_row_lock.py::test_while_one_changes_rows_another_is_told_to_try_again", "Try again in a minute"
        ),
    },
    "strava_webhook_account_handler.py": {
        "The athlete has not been connected.": Checked(
            "integration/test_athletes.py::test_what_was_asked_for_changes_with_a_consent_only",
            "has not been connected",
        ),
        "Another application needs": Checked(
            "integration/test_athletes.py::test_what_was_asked_for_changes_with_a_consent_only",
            "Another application needs the athlete's consent",
        ),
        "Another permission needs": Checked(
            "integration/test_athletes.py::test_what_was_asked_for_changes_with_a_consent_only",
            "Another permission needs the athlete's consent",
        ),
        "{} The consent counts for": Checked(
            "integration/test_athletes.py::test_an_athlete_who_is_connected_under_another_name_stays_so",
            "counts for “anna” now",
        ),
        "The consent is too old": Checked(
            "integration/test_athletes.py::test_a_consent_is_good_for_one_row", "too old or has been used already"
        ),
    },
    "strava_webhook_application_handler.py": {
        "Client secret is missing.": Checked(_ARGUMENTS, "Client secret is missing."),
        "There is an application “{}” already.": Checked(_ARGUMENTS, "There is an application “mine” already."),
        "There is no application of this name.": Checked(_ARGUMENTS, "There is no application of this name."),
    },
    "strava_webhook_page_handler.py": {
        "An input is either enabled or disabled": Checked(_ARGUMENTS, "either enabled or disabled"),
        "An input is disabled by the value 1": Checked(_ARGUMENTS, "An input is disabled by the value 1"),
        "Each field can be sent once": Checked(
            "integration/test_handlers_garbage.py::test_a_field_that_is_sent_twice_is_refused",
            "Each field can be sent once",
        ),
        "The field {} has {} characters": Checked(_ARGUMENTS, "has 5000 characters, 4096 are"),
        "There is no row of this name.": Checked(
            "integration/test_athletes.py::test_a_row_that_is_not_there_cannot_be_deleted", "no row of this name"
        ),
        "There is a row of this name already.": Checked(_ARGUMENTS, "There is a row of this name already."),
        "You are not permitted": Checked(
            "integration/test_capabilities.py::test_a_role_with_nothing_but_our_capabilities_gets_words_and_no_secrets",
            "You are not permitted to do this.",
        ),
    },
    "custom_hook_mixin.py": {
        "The field {} must not end": Checked(
            f"{_HOOK}test_a_backslash_at_the_end_cannot_swallow_the_next_line_of_the_file", "must not end with"
        ),
        "The name default means": Checked(
            f"{_HOOK}test_the_name_of_splunks_own_defaults_is_refused", "The name default means"
        ),
    },
}
