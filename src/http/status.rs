//! Status codes (RFC 9110 section 15).

/// The status of a reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HttpStatus {
    /// 200.
    Ok,
    /// 204.
    NoContent,
    /// 303.
    SeeOther,
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 408.
    RequestTimeout,
    /// 409.
    Conflict,
    /// 411.
    LengthRequired,
    /// 413.
    ContentTooLarge,
    /// 414.
    UriTooLong,
    /// 421.
    MisdirectedRequest,
    /// 431.
    HeaderFieldsTooLarge,
    /// 500.
    InternalServerError,
    /// 503.
    ServiceUnavailable,
    /// 505.
    VersionNotSupported,
}

impl HttpStatus {
    const fn parts(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::NoContent => (204, "No Content"),
            Self::SeeOther => (303, "See Other"),
            Self::BadRequest => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::RequestTimeout => (408, "Request Timeout"),
            Self::Conflict => (409, "Conflict"),
            Self::LengthRequired => (411, "Length Required"),
            Self::ContentTooLarge => (413, "Content Too Large"),
            Self::UriTooLong => (414, "URI Too Long"),
            Self::MisdirectedRequest => (421, "Misdirected Request"),
            Self::HeaderFieldsTooLarge => (431, "Request Header Fields Too Large"),
            Self::InternalServerError => (500, "Internal Server Error"),
            Self::ServiceUnavailable => (503, "Service Unavailable"),
            Self::VersionNotSupported => (505, "HTTP Version Not Supported"),
        }
    }

    /// The three digits of the code.
    pub const fn code(self) -> u16 {
        self.parts().0
    }

    /// The phrase after the code.
    pub const fn phrase(self) -> &'static str {
        self.parts().1
    }
}
