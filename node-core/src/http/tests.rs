use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const REQUEST: &[u8] = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length:  3 \r\n\r\nabc";

#[test]
fn request_head_leaves_the_body() {
    let mut slots = [NO_FIELD; 4];
    let head = RequestHead::parse(REQUEST, &mut slots).unwrap().unwrap();
    assert_eq!((head.method, head.target, head.fields.len()), ("POST", "/a?b=c", 2));
    assert_eq!(find(head.fields, "HOST"), Some(&b"x"[..]));
    assert_eq!(content_length(head.fields), Ok(Some(3)));
    assert_eq!(&REQUEST[head.len..], b"abc");
}

#[test]
fn every_cut_of_a_head_waits_for_more() {
    for cut in 0..REQUEST.len() - 3 {
        assert_eq!(RequestHead::parse(&REQUEST[..cut], &mut [NO_FIELD; 4]), Ok(None), "{cut}");
    }
}

#[test]
fn too_many_fields_are_refused() {
    let result = RequestHead::parse(REQUEST, &mut [NO_FIELD; 1]).map(|_| ());
    assert_eq!(result, Err(HeadError::TooManyFields));
}

#[test]
fn only_http_1_1_is_read() {
    let request = RequestHead::parse(b"GET / HTTP/1.0\r\n\r\n", &mut []).map(|_| ());
    assert_eq!(request, Err(HeadError::Version));
    let response = ResponseHead::parse(b"HTTP/1.1 042 x\r\n\r\n", &mut []).map(|_| ());
    assert_eq!(response, Err(HeadError::Status));
}

#[test]
fn contradicting_lengths_are_refused() {
    let length = |value: &'static [u8]| content_length(&[Field { name: "content-length", value }]);
    assert_eq!(length(b"5, 5"), Ok(Some(5)));
    for bad in [&b"5, 6"[..], b"+5", b"", b"5,", b"0x5", b"99999999999999999999"] {
        assert_eq!(length(bad), Err(HeadError::ContentLength), "{bad:?}");
    }
}

#[test]
fn hop_by_hop_fields_stay_behind() {
    let field = |name, value: &'static str| Field { name, value: value.as_bytes() };
    let fields = [
        field("Host", "x"),
        field("Connection", "close, X-Secret"),
        field("connection", "x-other"),
        field("Proxy-Authorization", "y"),
        field("Keep-Alive", "y"),
        field("TE", "trailers"),
        field("Trailer", "y"),
        field("Transfer-Encoding", "chunked"),
        field("Upgrade", "websocket"),
        field("x-secret", "y"),
        field("X-Other", "y"),
        field("X-Kept", "z"),
    ];
    let kept: Vec<_> = end_to_end(&fields).map(|field| field.name).collect();
    assert_eq!(kept, ["Host", "X-Kept"]);
}

#[test]
fn nothing_smuggles_a_line() {
    let mut buf = [0; 256];
    for target in ["/a b", "/a\r\nX: y", "", "/\u{7f}", "/\0"] {
        assert_eq!(HeadWriter::request(&mut buf, "GET", target).err(), Some(EncodeError::Target));
    }
    assert_eq!(HeadWriter::request(&mut buf, "GE T", "/").err(), Some(EncodeError::Method));
    assert_eq!(HeadWriter::response(&mut buf, 200, "a\nb").err(), Some(EncodeError::Reason));
    assert_eq!(HeadWriter::response(&mut buf, 1000, "").err(), Some(EncodeError::Status));
    let mut head = HeadWriter::response(&mut buf, 200, "OK").unwrap();
    assert_eq!(head.field("a b", b"c"), Err(EncodeError::FieldName));
    assert_eq!(head.field("", b"c"), Err(EncodeError::FieldName));
    assert_eq!(head.field("a:", b"c"), Err(EncodeError::FieldName));
    for value in [&b"a\r\nb"[..], b"a\nb", b"a\rb", b"a\0b"] {
        assert_eq!(head.field("a", value), Err(EncodeError::FieldValue));
    }
    let len = head.finish().unwrap();
    assert_eq!(&buf[..len], b"HTTP/1.1 200 OK\r\n\r\n");
}

#[test]
fn a_field_that_does_not_fit_writes_nothing() {
    let mut buf = [0; 22];
    let mut head = HeadWriter::response(&mut buf, 200, "OK").unwrap();
    assert_eq!(head.field("a", b"b"), Err(EncodeError::Full));
    assert_eq!(head.finish(), Ok(19));
}

proptest! {
    #[test]
    fn requests_round_trip(
        method in "[A-Z]{1,12}",
        target in "/[!-~]{0,60}",
        fields in prop::collection::vec(("[A-Za-z0-9-]{1,20}", "([!-~]([ -~\t]{0,40}[!-~])?)?"), 0..16),
    ) {
        let mut buf = [0; 4096];
        let mut writer = HeadWriter::request(&mut buf, &method, &target).unwrap();
        for (name, value) in &fields {
            writer.field(name, value.as_bytes()).unwrap();
        }
        let len = writer.finish().unwrap();
        let mut slots = [NO_FIELD; 16];
        let head = RequestHead::parse(&buf[..len], &mut slots).unwrap().unwrap();
        prop_assert_eq!((head.method, head.target, head.len), (method.as_str(), target.as_str(), len));
        let read: Vec<_> = head
            .fields
            .iter()
            .map(|field| (String::from(field.name), String::from_utf8(field.value.to_vec()).unwrap()))
            .collect();
        prop_assert_eq!(read, fields);
    }

    #[test]
    fn responses_round_trip(status in 100u16..1000, reason in "([!-~][ -~]{0,20}[!-~])?") {
        let mut buf = [0; 128];
        let len = HeadWriter::response(&mut buf, status, &reason).unwrap().finish().unwrap();
        let head = ResponseHead::parse(&buf[..len], &mut []).unwrap().unwrap();
        prop_assert_eq!((head.status, head.reason, head.len), (status, reason.as_str(), len));
    }

    #[test]
    fn whatever_is_written_is_one_head(
        method in any::<String>(), target in any::<String>(), name in any::<String>(),
        value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut buf = [0; 2048];
        let Ok(mut writer) = HeadWriter::request(&mut buf, &method, &target) else { return Ok(()) };
        let fields = usize::from(writer.field(&name, &value).is_ok());
        let len = writer.finish().unwrap();
        let mut slots = [NO_FIELD; 4];
        let head = RequestHead::parse(&buf[..len], &mut slots).unwrap().unwrap();
        prop_assert_eq!((head.len, head.fields.len()), (len, fields));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = RequestHead::parse(&bytes, &mut [NO_FIELD; 8]);
        let _ = ResponseHead::parse(&bytes, &mut [NO_FIELD; 8]);
        let _ = content_length(&[Field { name: "content-length", value: &bytes }]);
        let _ = lists(&bytes, "close");
    }
}
