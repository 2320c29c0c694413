//! The vectors of PROTOCOL.md and of the cryptography, on a processor that QEMU emulates. They are those of node-core's tests, which are
//! compiled into this program as they are; a test that needs an operating system stays with the host.
//!
//! The log names each test that holds. The first that does not ends QEMU with a failure; so does the host when the time is up.
#![no_std]
#![no_main]

extern crate alloc;

#[cfg(target_arch = "arm")]
mod cost;
#[path = "../../../node-core/tests/crypto.rs"]
mod crypto;
#[path = "../../../node-core/tests/hpke.rs"]
mod hpke;
#[path = "../../../node-core/tests/keys.rs"]
mod keys;
#[path = "../../../node-core/tests/protocol.rs"]
mod protocol;
#[path = "../../../node-core/tests/provision.rs"]
mod provision;
mod runtime;
#[path = "../../../node-core/tests/sealed.rs"]
mod sealed;
mod wycheproof;

/// Runs these tests in turn. The compiler tells which one is missing: nothing calls it.
macro_rules! run {
    ($($file:ident: $($test:ident),+;)+) => {
        $($(
            $file::$test();
            defmt::info!("{=str} holds", concat!(stringify!($file), "::", stringify!($test)));
        )+)+
    };
}

/// Runs all tests, each of which panics when it fails.
fn run() {
    run! {
        protocol:
            this_code_writes_the_vectors,
            the_vectors_of_a_link_parse_as_the_text_says,
            the_board_of_the_vector_opens_the_sealed_bundle,
            a_blob_is_read_as_the_text_says;
        hpke:
            the_first_message_of_the_rfc_is_opened;
        crypto:
            a_signature_verifies_only_with_its_key_and_message,
            a_signature_is_the_same_in_der,
            a_bare_key_signs_as_a_signer_does,
            a_scalar_out_of_range_is_no_key,
            a_point_off_the_curve_verifies_nothing,
            parts_hash_as_one_message;
        wycheproof:
            every_vector_gives_the_expected_result;
        keys:
            the_smallest_pair_is_active,
            a_keyring_needs_a_pair_and_distinct_names,
            the_digest_covers_each_trusted_certificate_once,
            a_rotation_shows_as_one_added_one_removed_and_another_active,
            a_bundle_is_encoded_as_documented,
            a_good_bundle_survives_the_way_to_a_board,
            an_rsa_certificate_is_refused_with_the_command_that_helps,
            each_problem_names_its_slot,
            the_rules_of_keyrings_hold_for_bundles,
            a_bundle_stays_within_its_limits,
            other_versions_and_left_over_bytes_are_refused,
            a_key_of_another_length_is_no_key;
        sealed:
            the_board_opens_what_an_operator_sealed_for_it,
            replayed_foreign_and_forged_keyrings_are_refused,
            the_largest_keyring_can_be_sealed;
        provision:
            a_new_board_takes_what_an_operator_of_the_blob_signed,
            a_provisioned_board_takes_the_word_of_its_own_operators_only,
            a_provisioning_key_in_the_firmware_alone_signs_the_first_blob,
            a_blob_for_another_board_is_refused,
            a_forged_blob_is_refused,
            a_blob_that_is_cut_off_damaged_or_too_long_says_so,
            settings_out_of_range_are_refused_on_both_sides,
            a_hub_says_where_it_listens_and_a_leaf_is_written_for_all_boards,
            no_passphrase_is_shown,
            messages_pass_a_serial_line_beside_a_log,
            the_longest_blob_passes_a_serial_line;
    }
}
