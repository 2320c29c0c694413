use std::format;
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
    let connection = Connection::of(&fields);
    let kept: Vec<_> = fields.iter().map(|field| field.name).filter(|name| connection.passes(name)).collect();
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
        let _ = Trailers::parse(&bytes);
    }
}

const fn field<'b>(name: &'b str, value: &'b str) -> Field<'b> {
    Field { name, value: value.as_bytes() }
}

#[test]
fn a_request_that_two_readers_could_frame_differently_is_refused() {
    let framed = |fields: &[Field<'_>]| request_length(Version::Http11, fields);
    let (chunked, five) = (field("Transfer-Encoding", "chunked"), field("Content-Length", "5"));
    assert_eq!(framed(&[]), Ok(BodyLength::None));
    assert_eq!(framed(&[five]), Ok(BodyLength::Known(5)));
    assert_eq!(framed(&[field("transfer-encoding", " Chunked ")]), Ok(BodyLength::Chunked));
    assert_eq!(framed(&[chunked, five]), Err(FramingError::BothLengths));
    assert_eq!(framed(&[five, field("content-length", "6")]), Err(FramingError::ContentLength));
    for unknown in ["gzip, chunked", "JUNK, chunked"] {
        assert_eq!(framed(&[field("transfer-encoding", unknown)]), Err(FramingError::Coding), "{unknown}");
    }
    for endless in ["gzip", "chunked, gzip", "chunked, chunked", "", "xchunked", "chunked;q=1"] {
        assert_eq!(framed(&[field("transfer-encoding", endless)]), Err(FramingError::Chunks), "{endless}");
    }
    assert_eq!(framed(&[chunked, chunked]), Err(FramingError::Chunks));
    assert_eq!(request_length(Version::Http10, &[chunked]), Err(FramingError::Chunks));
}

#[test]
fn a_response_ends_as_its_status_and_fields_say() {
    let (chunked, five) = (field("Transfer-Encoding", "chunked"), field("Content-Length", "5"));
    let framed = |status, fields: &[Field<'_>]| response_length(Version::Http11, status, false, fields);
    assert_eq!(framed(200, &[]), Ok(BodyLength::UntilClose));
    assert_eq!(framed(200, &[five]), Ok(BodyLength::Known(5)));
    assert_eq!(framed(200, &[five, chunked]), Ok(BodyLength::Chunked), "chunks win");
    for bodyless in [103, 204, 304] {
        assert_eq!(framed(bodyless, &[five]), Ok(BodyLength::None), "{bodyless}");
    }
    assert_eq!(response_length(Version::Http11, 200, true, &[five]), Ok(BodyLength::None));
    assert_eq!(framed(200, &[field("transfer-encoding", "gzip, chunked")]), Err(FramingError::Coding));
}

/// The data, the trailers, and what is left.
type Decoded = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Reads `input` as it arrives in pieces that end at `cuts`: the data, the trailers, and what is left.
fn decode(input: &[u8], piece: usize) -> Result<Option<Decoded>, BadChunk> {
    let (mut decoder, mut data, mut held) = (ChunkDecoder::default(), Vec::new(), Vec::new());
    for arrived in input.chunks(piece) {
        held.extend_from_slice(arrived);
        loop {
            let (skip, chunk) = decoder.next(&held)?;
            held.drain(..skip);
            match chunk {
                Chunk::Incomplete => break,
                Chunk::Data(len) => {
                    data.extend(held.drain(..len));
                    decoder.take(len);
                }
                Chunk::End(fields, all) => {
                    let seen: usize = input
                        .chunks(piece)
                        .take_while(|other| !core::ptr::eq(*other, arrived))
                        .map(<[u8]>::len)
                        .sum();
                    let rest = &input[seen + arrived.len()..];
                    return Ok(Some((data, held[..fields].to_vec(), [&held[all..], rest].concat())));
                }
            }
        }
    }
    Ok(None)
}

#[test]
fn chunks_are_read_however_they_arrive() {
    let input = b"5;a=\"b\"\r\nhello\r\n00006 \t;x\r\n world\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\nGET / next";
    for piece in 1..input.len() {
        let (data, trailers, rest) = decode(input, piece).unwrap().unwrap();
        assert_eq!(
            (&data[..], &trailers[..]),
            (&b"hello world"[..], &b"X-Sum: 1\r\nY: 2\r\n"[..]),
            "{piece}"
        );
        assert_eq!(rest, b"GET / next", "{piece}");
    }
}

#[test]
fn what_another_reader_could_take_for_the_end_is_no_chunk() {
    for bad in [
        "5\nhello\r\n",
        "5\r\nhelloX\r\n",
        "+5\r\n",
        "0x5\r\n",
        "\r\n",
        "5 5\r\n",
        "5;\x01\r\n",
        "1000000000000000\r\n",
        "5\r\nhello\n0\r\n\r\n",
        ";a\r\n",
    ] {
        assert!(decode(bad.as_bytes(), 64).is_err(), "{bad:?}");
    }
    assert!(decode(&[b'1'; 2000], 64).is_err());
}

/// Lines that are no trailers, or that some readers end where others do not.
const BAD_TRAILERS: [&str; 13] = [
    "X: y\n\nGET /admin HTTP/1.1\r\nHost: h\r\n",
    "X: y\nZ: 1\r\n",
    "X: y\r\nZ: 1\n",
    "\nX: y\r\n",
    "X: y\rZ: 1\r\n",
    "X: y\r\r\n",
    "X: y\r\n folded\r\n",
    "X: \0\r\n",
    "X : y\r\n",
    " X: y\r\n",
    ": y\r\n",
    "X\u{e9}: y\r\n",
    "GET /admin HTTP/1.1\r\n",
];

#[test]
fn trailers_are_fields_on_lines_of_their_own_and_nothing_else() {
    for bad in BAD_TRAILERS {
        assert_eq!(Trailers::parse(bad.as_bytes()).err(), Some(BadTrailers::Line), "{bad:?}");
        assert!(decode(format!("0\r\n{bad}\r\n\r\n").as_bytes(), 64).is_err(), "{bad:?}");
    }
    assert_eq!(Trailers::parse(b"X: y").err(), Some(BadTrailers::Line));
    assert_eq!(Trailers::parse(&[b'a'; MAX_TRAILERS + 1]).err(), Some(BadTrailers::Long));
    assert_eq!(Trailers::parse(b"").unwrap().next(), None);
    let lines = "X-Sum:  1\t\r\nY:\r\nX-Sum: a:b \u{e9}\r\n";
    let read: Vec<_> = Trailers::parse(lines.as_bytes()).unwrap().collect();
    assert_eq!(read, [field("X-Sum", "1"), field("Y", ""), field("X-Sum", "a:b \u{e9}")]);
}

#[test]
fn a_field_that_was_needed_before_the_body_does_not_come_after_it() {
    for name in ["Content-Length", "transfer-encoding", "HOST", "Trailer", "Proxy-Authorization", "If-Match"]
    {
        assert!(!may_trail(name), "{name}");
    }
    for name in ["grpc-status", "X-Sum", "ETag", "Server-Timing", "Iffy", "Content-Digest"] {
        assert!(may_trail(name), "{name}");
    }
}

#[test]
fn the_end_after_the_data_is_seen_at_once() {
    let mut decoder = ChunkDecoder::default();
    let input = b"3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(decoder.next(input), Ok((3, Chunk::Data(3))));
    assert_eq!(decoder.ends_after(&input[3..], 3), Some(10));
    assert_eq!(decoder.ends_after(&input[3..11], 3), None);
}

#[test]
fn connection_options_are_read_once() {
    let fields =
        [field("connection", "close, X-Secret"), field("Connection", "Upgrade"), field("x-secret", "1")];
    let connection = Connection::of(&fields);
    assert!(connection.close && connection.upgrade && !connection.keep_alive);
    assert!(!connection.passes("X-SECRET") && !connection.passes("TE") && connection.passes("x-public"));
    assert!(Connection::of(&[]).passes("x-secret"));
}

proptest! {
    #[test]
    fn a_body_in_any_chunks_is_the_same_body(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
        piece in 1usize..30,
    ) {
        let mut input = Vec::new();
        for data in &pieces {
            input.extend_from_slice(std::format!("{:x}\r\n", data.len()).as_bytes());
            input.extend_from_slice(data);
            input.extend_from_slice(b"\r\n");
        }
        input.extend_from_slice(b"0\r\n\r\nrest");
        let decoded = decode(&input, piece);
        prop_assert_eq!(decoded, Ok(Some((pieces.concat(), Vec::new(), b"rest".to_vec()))));
    }
}
