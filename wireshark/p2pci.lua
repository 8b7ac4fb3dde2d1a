-- p2p-ci dissector: P2P-CI/1.0 for Wireshark. `p2p-ci wireshark install` installs this file.
--
-- The sections of protocol.md are given in parentheses. The parts of this file, in their order:
--
--   fields       what a display filter can name
--   violations   the rules of protocol.md that messages break, and the forms of other programs
--   grammar      the tokens (2)
--   framing      where a message begins and ends, also if it does not say so (3, 4.9, 5.4)
--   reading      the lines of a message, as nodes of the tree (4, 5, 6)
--   streams      the messages of a TCP connection; requests and their responses (3.4)
--   display      nodes and columns in Wireshark
--   export, statistics, menus of Wireshark
--   registration
--
-- The parts from `grammar` to `streams` are plain Lua on strings, without Wireshark's API. Wireshark calls
-- the dissector for each frame in the order of the capture first, and later again in any order. Only the
-- first call changes the state of a stream; it stores what the later calls need.

local VERSION = "0.1.0"
local PORT = 7734

if set_plugin_info then
    set_plugin_info({
        version = VERSION,
        description = "P2P-CI/1.0: peer-to-peer document sharing with a centralized index",
    })
end

local p2pci = Proto("p2pci", "P2P-CI")

-- ---------------------------------------------------------------------------------------------------------
-- Fields
-- ---------------------------------------------------------------------------------------------------------

local F = {}

local function field(name, kind, label, ...)
    local make = ProtoField[kind]
    F[name] = make("p2pci." .. name, label, ...)
end

-- The first line of a message (3.1, 6.1).
field("request", "bool", "Request")
field("response", "bool", "Response")
field("line", "string", "Line")
field("method", "string", "Method")
field("scope", "string", "Scope")
field("document_name", "string", "Document")
field("rfc", "uint32", "RFC number")
field("file", "string", "File name")
field("version", "string", "Version")
field("status", "uint16", "Status")
field("phrase", "string", "Phrase")

-- Headers (2.9).
field("header", "string", "Header")
field("header.name", "string", "Name of the header")
field("header.value", "string", "Value of the header")
field("host", "string", "Host")
field("port", "uint16", "Port")
field("title", "string", "Title")
field("limit", "uint32", "Limit")
field("os", "string", "OS")
field("date", "string", "Date")
field("last_modified", "string", "Last-Modified")
field("content_length", "uint64", "Content-Length")
field("content_type", "string", "Content-Type")
field("want_digest", "string", "Want-Digest")
field("digest", "string", "Digest")
field("length", "uint64", "Length")
field("want_attributes", "string", "Want-Attributes")
field("attributes", "string", "Attributes")
field("want_cluster", "string", "Want-Cluster")
field("cluster", "string", "Cluster")
field("cluster_server", "string", "Cluster-Server")
field("range", "string", "Range")
field("range.first", "uint64", "First byte")
field("range.last", "uint64", "Last byte")
field("content_range", "string", "Content-Range")
field("content_range.first", "uint64", "First byte")
field("content_range.last", "uint64", "Last byte")
field("content_range.length", "uint64", "Length of the document")
field("connection", "string", "Connection")
field("reason", "string", "Reason")

-- Records and their attributes (4.5, 4.11).
field("record", "string", "Record")
field("record.document", "string", "Document of the record")
field("record.rfc", "uint32", "RFC number of the record")
field("record.file", "string", "File name of the record")
field("record.title", "string", "Title of the record")
field("record.host", "string", "Host of the record")
field("record.port", "uint16", "Port of the record")
field("record.digest", "string", "Digest of the record")
field("record.length", "uint64", "Length of the record")
field("record.added", "string", "Added")
field("record.address", "string", "Address")
field("record.attribute", "string", "Other attribute")
field("record.count", "uint32", "Records")

-- The bytes of a document (5.3), and other bytes.
field("document", "bytes", "Document")
field("document.length", "uint64", "Length of the document")
field("document.prefix", "string", "Text before the document")
field("document.surplus", "bytes", "Bytes after the document")
field("data", "bytes", "Bytes that are no message")
field("text", "string", "Text that is no message")
field("empty_line", "none", "Empty line")
field("padding", "bytes", "Padding")
field("prefix", "bytes", "Length prefix")

-- What the dissector has found out.
field("end", "string", "End of the message")
field("request_in", "framenum", "Request in frame", base.NONE, frametype and frametype.REQUEST)
field("response_in", "framenum", "Response in frame", base.NONE, frametype and frametype.RESPONSE)
field("head_in", "framenum", "Head in frame")
field("document_in", "framenum", "Document in frame")
field("begins_in", "framenum", "Begins in frame")
field("continued_in", "framenum", "Continued in frame")
field("time", "relative_time", "Time since the request")
field("dialect", "string", "Form of another program")
field("section", "string", "Violated section of protocol.md")

local function values(of)
    local list = {}
    for _, value in pairs(of) do
        list[#list + 1] = value
    end
    return list
end

p2pci.fields = values(F)

-- ---------------------------------------------------------------------------------------------------------
-- Violations
-- ---------------------------------------------------------------------------------------------------------

-- Each has its section of protocol.md, a severity, and a text. Severities: `error`, a server refuses the
-- request; `warn`, another violation; `note`, a form that robust readers accept; `chat`, no violation.
-- The fourth value names the form in `p2pci.dialect`, if programs are known that use it.
local VIOLATIONS = {
    -- Text (2.1, 3.5).
    line_feed = { "2.1", "note", "A line ends with LF instead of CRLF", "LF" },
    carriage_return = { "3.5", "error", "A carriage return without a line feed" },
    control = { "2.1", "error", "A control character" },
    not_utf8 = { "2.1", "error", "Text that is not UTF-8" },

    -- Request lines (2.2 to 2.8, 3.1).
    method_unknown = { "6.2", "error", "Unknown method" },
    method_leave = { "4.8", "error", "A peer leaves by closing its connection, not by a request", "leave request" },
    method_connect = { "4", "error", "A peer registers by ADD alone", "join request" },
    words = { "3.1", "error", "Too few or too many words in the request line" },
    list_words = { "4.4", "error", "Expected LIST ALL or LIST FILES", "LIST without ALL" },
    blanks = { "3.1", "note", "Other than one blank between words, or blanks at the ends of the line" },
    rfc_word = { "2.4", "error", "Expected `RFC` and a blank before the number", "number without RFC" },
    rfc_zero = { "2.2", "error", "An RFC number has no leading zero", "leading zero" },
    rfc_number = { "2.2", "error", "Expected an RFC number from 1 to 999999999" },
    file_name = { "2.3", "error", "A file name that the grammar does not allow" },
    version = { "2.8", "error", "Expected the version P2P-CI/1.0", "other version" },

    -- Headers (2.9 and the section of each value).
    header_colon = { "2.9", "error", "A header without a colon", "header without colon" },
    header_name = { "2.9", "warn", "Another name of a header", "misspelt header" },
    header_case = { "2.9", "note", "The name of a header in another case" },
    header_blank = { "2.9", "note", "Expected `Name: value`, with one blank after the colon alone",
        "blanks of headers" },
    header_twice = { "2.9", "error", "A header that occurs twice" },
    header_order = { "2.9", "note", "Headers in another order than in the grammar" },
    header_unknown = { "2.9", "chat", "An unknown header, which readers ignore" },
    header_not_here = { "2.9", "note", "A header that this message does not have" },
    header_missing = { "2.9", "error", "A required header is missing" },
    title_in_lookup = { "4.3", "chat", "A title in LOOKUP, which index servers ignore" },
    host = { "2.6", "error", "Expected a host name or an address" },
    port = { "2.6", "error", "Expected a port from 1 to 65535" },
    title = { "2.5", "error", "A title is at most 512 bytes of text" },
    limit = { "4.10", "error", "Expected a limit from 1 to 999999999" },
    words_of_search = { "4.10", "error", "Expected at least one letter or digit" },
    header_text = { "2.9", "warn", "Expected 1 to 256 bytes of text" },
    date = { "2.7", "warn", "Expected a date as in `Sun, 06 Nov 1994 08:49:37 GMT`" },
    length = { "2.9", "warn", "Expected 1 to 19 digits" },
    digest = { "5.5", "warn", "Expected `sha-256=` and 64 hexadecimal digits" },
    want_digest = { "5.5", "note", "Expected `sha-256`" },
    range = { "5.6", "note", "Expected `bytes=` and numbers" },
    content_range = { "5.6", "warn", "Expected `bytes FIRST-LAST/LENGTH`" },
    want_attributes = { "4.11", "note", "Expected `1`" },
    want_cluster = { "4.13", "note", "Expected `1`" },
    cluster = { "4.13", "note", "Expected 1 to 64 letters, digits, `-`, `_` and `.`" },
    cluster_server = { "4.13", "note", "Expected `HOST:PORT`" },
    connection = { "5.7", "note", "Expected `keep-alive`" },

    -- The ends of messages (3.1 to 3.3).
    request_end = { "3.1", "warn", "A request without its empty line", "no empty line" },
    response_end = { "3.2", "warn", "A response without its final empty line", "no empty line" },
    head_end = { "5.2", "warn", "A head without its empty line", "no empty line" },
    line_end = { "2.1", "warn", "The last line has no line end", "no line end" },
    end_line = { "3.1", "warn", "A line `END` after a message", "END" },
    padding = { "3.1", "warn", "Padding after a message", "padding" },
    length_prefix = { "3.1", "error", "A length before a message", "length prefix" },
    pickle = { "3.5", "error", "A Python pickle", "pickle" },
    empty_before = { "3.1", "note", "An empty line before a message" },

    -- Status lines (6.1).
    status_version = { "6.1", "note", "A status line begins with `P2P-CI/1.0`", "P2PCI" },
    status_line = { "6.1", "warn", "Expected `P2P-CI/1.0`, a status code and its phrase" },
    status_code = { "6.1", "warn", "A status that protocol.md does not have" },
    phrase = { "6.1", "note", "Another phrase than that of the status" },

    -- Replies of the index server (3.2, 4).
    status_empty = { "3.2", "warn", "No empty line after the status line", "no empty line after the status" },
    record = { "4.5", "warn", "Expected a record: document, title, host, port", "other record" },
    record_rfc = { "4.5", "warn", "A record begins with `RFC` and a blank, or `FILE`", "record without RFC" },
    record_other = { "4.3", "warn", "A record of another document than requested" },
    record_order = { "4.5", "note", "Records are ordered by their documents" },
    record_kind = { "8.3", "warn", "LIST ALL has RFCs alone, and LIST FILES has other documents alone" },
    record_none = { "4.1", "warn", "A reply to ADD or REMOVE has the record", "ADD without record" },
    record_many = { "4.1", "warn", "A reply to ADD or REMOVE has one record" },
    record_limit = { "4.10", "warn", "More records than the limit of the request" },
    refusal_record = { "3.2", "warn", "A refusal has no records" },
    list_refused = { "4.4", "warn", "The reply to a list without records is 200", "404 to an empty list" },
    lookup_empty = { "4.3", "warn", "The reply to LOOKUP without records is 404", "200 to an empty LOOKUP" },
    attribute_unasked = { "4.11", "warn", "An attribute that the request did not ask for" },
    unsolicited = { "3.4", "warn", "A response without a request" },
    greeting = { "4.9", "note", "Text before the first message of a connection", "greeting" },
    not_a_message = { "3", "error", "Bytes that are no message", "text that is no message" },

    -- Replies of the upload server (5).
    head_line = { "5.2", "warn", "A line of the head that is no header", "other lines in the head" },
    head_empty = { "5.2", "note", "An empty line within the head", "empty lines in the head" },
    no_length = { "5.2", "warn", "No Content-Length: the document ends with the connection", "no Content-Length" },
    document_prefix = { "5.3", "warn", "Text before the document", "text before the document" },
    document_surplus = { "5.3", "warn", "Bytes after the document", "bytes after the document" },
    document_short = { "5.3", "warn", "The capture does not have the whole document" },
    part_unasked = { "5.6", "warn", "206 in reply to a request without Range" },
    part_length = { "5.6", "warn", "Content-Range and Content-Length differ" },
    digest_unasked = { "8.1", "warn", "An extension that the request did not ask for" },
    request_not_last = { "5.7", "warn", "A further request, which the upload server has not agreed to" },

    -- Limits (7).
    line_long = { "7", "error", "A line beyond its limit" },
    head_long = { "7", "error", "A head of more than 16 KiB" },
    headers_many = { "7", "error", "More headers than the limit" },

    -- Streams (3.4).
    no_response = { "3.4", "note", "The capture has no response to this request" },
}

local SEVERITIES = { error = PI_ERROR, warn = PI_WARN, note = PI_NOTE, chat = PI_CHAT }
local EXPERTS = {}
for name, violation in pairs(VIOLATIONS) do
    local group = violation[2] == "chat" and PI_COMMENTS_GROUP or PI_PROTOCOL
    EXPERTS[name] = ProtoExpert.new(
        "p2pci.violation." .. name,
        violation[3] .. " (protocol.md section " .. violation[1] .. ")",
        group,
        SEVERITIES[violation[2]]
    )
end
p2pci.experts = values(EXPERTS)

-- ---------------------------------------------------------------------------------------------------------
-- Grammar (2)
-- ---------------------------------------------------------------------------------------------------------

local grammar = {}

-- The longest lines and heads (7).
local LINE_LIMIT, HEADER_LIMIT, HEAD_LIMIT = 2048, 4096, 16384
local REQUEST_HEADERS, RESPONSE_HEADERS = 32, 64

-- Whether a string is UTF-8 (2.1). Wireshark's Lua 5.2 has no library for this.
function grammar.is_utf8(text)
    local at, length = 1, #text
    while at <= length do
        local first = text:byte(at)
        local more = first < 0x80 and 0 or first >= 0xC2 and first < 0xE0 and 1
            or first >= 0xE0 and first < 0xF0 and 2 or first >= 0xF0 and first < 0xF5 and 3 or nil
        if not more or at + more > length then
            return false
        end
        for next = at + 1, at + more do
            local byte = text:byte(next)
            if byte < 0x80 or byte > 0xBF then
                return false
            end
        end
        local second = text:byte(at + 1) or 0
        local is_overlong = first == 0xE0 and second < 0xA0 or first == 0xF0 and second < 0x90
        local is_outside = first == 0xED and second > 0x9F or first == 0xF4 and second > 0x8F
        if is_overlong or is_outside then
            return false
        end
        at = at + more + 1
    end
    return true
end

-- Text for people: control characters and bytes that are not UTF-8 are escaped.
function grammar.shown(text)
    local escape = function(byte)
        return string.format("\\x%02x", byte:byte())
    end
    text = text:gsub("[%z\1-\31\127]", escape)
    if not grammar.is_utf8(text) then
        text = text:gsub("[\128-\255]", escape)
    end
    return text
end

-- A decimal number up to `most`, else nil.
function grammar.number(text, most)
    local number = text:match("^%d+$") and #text <= 19 and tonumber(text)
    return number and number <= most and number or nil
end

-- 1 to 999999999 without leading zero (2.2).
function grammar.rfc_number(text)
    return text:match("^[1-9]%d?%d?%d?%d?%d?%d?%d?%d?$") and tonumber(text) or nil
end

-- Decodes a file name (2.3): the name, or nil and the encoded text.
function grammar.file_name(text)
    local decoded = text:gsub("%%(%x%x)", function(digits)
        return string.char(tonumber(digits, 16))
    end)
    local is_encoded = not text:find("/", 1, true) and not text:gsub("%%%x%x", ""):find("%", 1, true)
    local is_name = is_encoded and #decoded >= 1 and #decoded <= 255
        and not decoded:find("[%z\1-\31\127\\]") and grammar.is_utf8(decoded)
    for segment in (decoded .. "/"):gmatch("(.-)/") do
        is_name = is_name and segment ~= "" and segment ~= "." and segment ~= ".."
    end
    return is_name and decoded or nil
end

function grammar.is_host(text)
    return #text >= 1 and #text <= 253 and not text:find("[%s%z\1-\31\127]")
end

function grammar.port(text)
    local port = #text <= 5 and grammar.number(text, 65535)
    return port and port >= 1 and port or nil
end

function grammar.is_title(text)
    return #text <= 512
end

function grammar.is_header_text(text)
    return #text >= 1 and #text <= 256
end

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11,
    Dec = 12 }
local WEEKDAYS = { Sun = 0, Mon = 1, Tue = 2, Wed = 3, Thu = 4, Fri = 5, Sat = 6 }

-- IMF-fixdate (2.7), whose weekday is right.
function grammar.is_date(text)
    local weekday, day, month, year, hour, minute, second =
        text:match("^(%a%a%a), (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
    month = month and MONTHS[month]
    if not month or not WEEKDAYS[weekday] then
        return false
    end
    day, year = tonumber(day), tonumber(year)
    local is_leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    local days = ({ 31, is_leap and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 })[month]
    local is_time = tonumber(hour) < 24 and tonumber(minute) < 60 and tonumber(second) <= 60
    if day < 1 or day > days or year < 1970 or not is_time then
        return false
    end
    -- Sakamoto's method.
    local shift = ({ 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 })[month]
    local past = month < 3 and year - 1 or year
    local found = past + math.floor(past / 4) - math.floor(past / 100) + math.floor(past / 400) + shift + day
    return found % 7 == WEEKDAYS[weekday]
end

function grammar.is_digest(text)
    return #text == 72 and text:match("^sha%-256=%x+$") ~= nil
end

-- The name of a cluster of index servers (4.13).
function grammar.is_cluster(text)
    return #text <= 64 and text:find("^[%w%-_.]+$") ~= nil
end

-- `HOST:PORT`, where the host may be in brackets (4.13).
function grammar.is_endpoint(text)
    local host, port = text:match("^(.+):(%d+)$")
    return host ~= nil and grammar.is_host(host) and tonumber(port) >= 1 and tonumber(port) <= 65535
end

function grammar.is_length(text)
    return #text <= 19 and text:match("^%d+$") ~= nil
end

-- The first and the last byte of a range (5.6); the last may be an empty string.
function grammar.range(text)
    return text:match("^bytes=(%d+)%-(%d*)$")
end

-- First, last and length of a part (5.6).
function grammar.content_range(text)
    return text:match("^bytes (%d+)%-(%d+)/(%d+)$")
end

local PHRASES = {
    [200] = "OK",
    [206] = "Partial Content",
    [400] = "Bad Request",
    [404] = "Not Found",
    [416] = "Range Not Satisfiable",
    [503] = "Service Unavailable",
    [505] = "P2P-CI Version Not Supported",
}

-- Methods, with the headers that a request needs before it can be complete without its empty line.
local METHODS = {
    ADD = { "host", "port", "title" },
    REMOVE = { "host", "port" },
    LOOKUP = { "host", "port" },
    LIST = { "host", "port" },
    SEARCH = { "host", "port", "title" },
    GET = { "host", "os" },
}

-- Words by which peers of other programs join and leave.
local OTHER_METHODS = {
    DEL = "method_leave", LEAVE = "method_leave", DISCONNECT = "method_leave", EXIT = "method_leave",
    QUIT = "method_leave", STOP = "method_leave", END = "method_leave",
    CONNECT = "method_connect", START = "method_connect", QUERY = "method_unknown",
    LISTALL = "list_words",
}

function grammar.is_method(word)
    return METHODS[word] ~= nil or OTHER_METHODS[word] ~= nil
end

-- ---------------------------------------------------------------------------------------------------------
-- Framing (3, 4.9, 5.4)
-- ---------------------------------------------------------------------------------------------------------

-- Positions are as in Lua's strings: the first byte is 1, and `to` is the last byte.
--
-- A function of this part returns the frame of a message: `from`, `to`, `ending` (what ends it), and
-- `is_assumed` if more may follow; or nil if the message needs more bytes. `may_assume` says that the message
-- began in the current segment. Only then a message that could be complete is taken as complete without its
-- empty line: many programs send each message in one segment, and nothing after it.
local framing = {}

-- The text of the line at a position, the position after it, and its line end: CRLF, LF, or an empty string.
function framing.line(bytes, at)
    local feed = bytes:find("\n", at, true)
    if not feed then
        return bytes:sub(at), #bytes + 1, ""
    end
    if feed > at and bytes:byte(feed - 1) == 13 then
        return bytes:sub(at, feed - 2), feed + 1, "\r\n"
    end
    return bytes:sub(at, feed - 1), feed + 1, "\n"
end

-- The last byte of a run of at least 8 equal padding characters, and of the line end after it.
function framing.padding(bytes, at)
    local char = bytes:sub(at, at)
    if not char:find("^[~! %z]") then
        return nil
    end
    local other = char == "\0" and "[^%z]" or "[^" .. char .. "]"
    local next = bytes:find(other, at) or #bytes + 1
    if next - at < 8 or char == " " and next <= #bytes then
        return nil
    end
    local _, line_end = bytes:find("^\r?\n", next)
    return line_end or next - 1
end

-- The last byte of a line `END` at a position.
function framing.end_line(bytes, at)
    local _, last = bytes:find("^END\r?\n", at)
    if not last and #bytes == at + 2 and bytes:sub(at) == "END" then
        last = #bytes
    end
    return last
end

-- The last byte of `END` or padding at a position, and which of them it is.
function framing.trailer(bytes, at)
    local last = framing.end_line(bytes, at)
    if last then
        return last, "END"
    end
    last = framing.padding(bytes, at)
    return last, last and "padding"
end

-- Whether a request begins at a position: "yes", "no", or "maybe" if more bytes are needed.
function framing.request_start(bytes, at)
    local text, _, line_end = framing.line(bytes, at)
    local word, after = text:match("^[ \t]*(%a+)(.?)")
    if not word then
        return text:find("^[ \t]+$") and line_end == "" and "maybe" or "no"
    end
    if text:find("P2P%-?CI") or grammar.is_method(word) and (after == " " or after == "\t") then
        return "yes"
    end
    if line_end ~= "" then
        return grammar.is_method(word) and after == "" and "yes" or "no"
    end
    if after ~= "" then
        return word:find("^%u+$") and #text < LINE_LIMIT and "maybe" or "no"
    end
    for _, methods in ipairs({ METHODS, OTHER_METHODS }) do
        for method in pairs(methods) do
            if method:sub(1, #word) == word then
                return "maybe"
            end
        end
    end
    return "no"
end

-- A status line begins with this, or with the beginning of it if more bytes are needed.
function framing.response_start(bytes, at)
    if bytes:find("^P2P%-?CI", at) then
        return "yes"
    end
    local rest = bytes:sub(at, at + 5)
    local is_beginning = rest ~= "" and (("P2P-CI"):sub(1, #rest) == rest or ("P2PCI"):sub(1, #rest) == rest)
    return is_beginning and at + #rest > #bytes and "maybe" or "no"
end

-- A length before a message: ten digits, digits that are padded with blanks, or the two bytes of Java's
-- writeUTF. Returns the last byte of the prefix and the length; or false if more bytes are needed.
function framing.length_prefix(bytes, at, start)
    local digits = bytes:match("^%d+", at)
    if digits then
        local blanks = bytes:match("^[ %z]*", at + #digits)
        local last = at + #digits + #blanks - 1
        if #digits <= 10 and (#digits == 10 or #blanks > 0) then
            if last == #bytes then
                return false
            end
            if start(bytes, last + 1) ~= "no" then
                return last, tonumber(digits)
            end
        elseif #digits < 10 and last == #bytes then
            return false
        end
        return nil
    end
    local high, low = bytes:byte(at, at + 1)
    if not high or high > 8 then
        return nil
    end
    if not low or at + 1 == #bytes then
        return false
    end
    local length = high * 256 + low
    if length >= 3 and start(bytes, at + 2) ~= "no" then
        return at + 1, length
    end
    return nil
end

-- A message with a length before it.
function framing.prefixed(bytes, at, start)
    local last, length = framing.length_prefix(bytes, at, start)
    if not last then
        return last
    end
    local frame = { from = at, head = last + 1, to = last + length, ending = "length", has_prefix = true }
    if length > HEAD_LIMIT or frame.to < frame.head then
        return nil
    end
    return frame.to <= #bytes and frame or false
end

-- Names of headers that other programs write otherwise (5.4).
local MISSPELT = {
    post = "port",
    data = "date",
    ["last modified"] = "last-modified",
    ["content length"] = "content-length",
    ["content type"] = "content-type",
}

-- The first words of headers without a colon.
local WITHOUT_COLON = { host = true, port = true, title = true, os = true }

-- Splits a header line: the name as written, the position of the value in the line, the value, and the blanks
-- before the name, before the colon and after it. Without a colon the first word is the name.
function framing.header(text)
    local before, name, between, after, value = text:match("^([ \t]*)([^:]-)([ \t]*):([ \t]*)(.-)[ \t]*$")
    if name and name ~= "" and #name <= 40 then
        return name, #before + #name + #between + 1 + #after + 1, value, before, between, after, true
    end
    before, name, after, value = text:match("^([ \t]*)(%a+)([ \t]+)(.-)[ \t]*$")
    if name and WITHOUT_COLON[name:lower()] then
        return name, #before + #name + #after + 1, value, before, "", after, false
    end
    return nil
end

-- The name of a header in lower case, as the grammar writes it.
function framing.header_key(text)
    local name = framing.header(text)
    name = name and name:lower()
    return name and (MISSPELT[name] or name)
end

-- Whether a request could be complete without its empty line.
local function has_required_headers(method, seen)
    for _, name in ipairs(METHODS[method] or {}) do
        if not seen[name] then
            return false
        end
    end
    return true
end

local function ended(frame, to, ending)
    frame.to, frame.ending = to, ending
    return frame
end

local function assumed(frame, to, line_end)
    frame.is_assumed, frame.is_unterminated = true, line_end == ""
    return ended(frame, to, "segment")
end

-- After the empty line of a message: `END` or padding in the same bytes belong to it.
local function with_trailer(frame, bytes)
    local last, kind = framing.trailer(bytes, frame.to + 1)
    if last then
        frame.trailer_from, frame.to, frame.ending = frame.to + 1, last, kind
    end
    return frame
end

function framing.request(bytes, at, may_assume)
    local prefixed = framing.prefixed(bytes, at, framing.request_start)
    if prefixed ~= nil then
        return prefixed or nil
    end
    local frame = { from = at, head = at }
    local text, next, line_end = framing.line(bytes, at)
    local method = text:match("^[ \t]*(%S+)") or ""
    local is_alone = METHODS[method] == nil
    if line_end == "" then
        local is_line = text:find("[ \t]P2P%-?CI%S*%d[ \t]*$") or grammar.is_method(text)
        if may_assume and is_alone and is_line or #text > LINE_LIMIT then
            return assumed(frame, #bytes, line_end)
        end
        return nil
    end
    local seen = {}
    while next <= #bytes do
        local line_from = next
        local last, kind = framing.trailer(bytes, line_from)
        if last then
            frame.trailer_from = line_from
            return ended(frame, last, kind)
        end
        text, next, line_end = framing.line(bytes, line_from)
        if text == "" and line_end ~= "" then
            frame.has_empty_line = true
            return with_trailer(ended(frame, next - 1, "empty line"), bytes)
        end
        local word = text:match("^(%u+) ")
        if word and grammar.is_method(word) and text:find("P2P%-?CI") then
            return ended(frame, line_from - 1, "next message")
        end
        local name, _, value = framing.header(text)
        if name and (line_end ~= "" or value ~= "") then
            seen[framing.header_key(text)] = true
        end
        if line_end == "" then
            if may_assume and name and value ~= "" and has_required_headers(method, seen) then
                return assumed(frame, #bytes, line_end)
            end
            return #text > HEADER_LIMIT and ended(frame, #bytes, "limit") or nil
        end
        if next - at > HEAD_LIMIT then
            return ended(frame, next - 1, "limit")
        end
    end
    if may_assume and (is_alone or has_required_headers(method, seen)) then
        return assumed(frame, #bytes, "\n")
    end
    return nil
end

-- The longest part of a list that is reassembled. The records after it are displayed in the frames in which
-- they arrive.
local LIST_LIMIT = 256 * 1024

-- Whether a line is a record that has its port.
function framing.is_record(text)
    local port = text:match("^%S.*[ \t](%d+)[ \t]*$") or text:match("^%d+.*%D(%d+)[ \t]*$")
    return port ~= nil and grammar.port(port) ~= nil
end

-- Records until the empty line. `frame.strict` says that the status line had its empty line.
function framing.records(bytes, next, frame, request, may_assume)
    local is_single = request and (request.method == "ADD" or request.method == "REMOVE")
    local is_other = request and METHODS[request.method] == nil
    local count = 0
    while next <= #bytes do
        local line_from = next
        local last = framing.end_line(bytes, line_from)
        if last then
            frame.trailer_from = line_from
            return ended(frame, last, "END")
        end
        local text, after, line_end = framing.line(bytes, line_from)
        if text == "" and line_end ~= "" then
            frame.has_empty_line, frame.has_final = true, true
            return with_trailer(ended(frame, after - 1, "empty line"), bytes)
        end
        if framing.response_start(bytes, line_from) == "yes" then
            return ended(frame, line_from - 1, "next message")
        end
        if line_end == "" then
            if may_assume and not frame.strict and not frame.has_finals and framing.is_record(text) then
                return assumed(frame, #bytes, line_end)
            end
            if #bytes - frame.from <= LIST_LIMIT then
                return nil
            end
            frame.is_open = true
            -- A line of this length is no record, and is not waited for.
            local is_long = #text > LINE_LIMIT or line_from == frame.from
            return ended(frame, is_long and #bytes or line_from - 1, "continued")
        end
        count = count + 1
        next = after
    end
    local is_complete = not frame.strict or is_single or count == 0
    if may_assume and (is_other or is_complete and not frame.has_finals) then
        return assumed(frame, #bytes, "\n")
    end
    if #bytes - frame.from > LIST_LIMIT then
        frame.is_open = true
        return ended(frame, #bytes, "continued")
    end
    return nil
end

-- A refusal: headers until the empty line.
function framing.refusal(bytes, next, frame, may_assume)
    while next <= #bytes do
        local line_from = next
        local last, kind = framing.trailer(bytes, line_from)
        if last then
            frame.trailer_from = line_from
            return ended(frame, last, kind)
        end
        local text, after, line_end = framing.line(bytes, line_from)
        if text == "" and line_end ~= "" then
            frame.has_empty_line = true
            return with_trailer(ended(frame, after - 1, "empty line"), bytes)
        end
        if framing.response_start(bytes, line_from) == "yes" then
            return ended(frame, line_from - 1, "next message")
        end
        if line_end == "" or after - frame.from > HEAD_LIMIT then
            return after - frame.from > HEAD_LIMIT and ended(frame, after - 1, "limit") or nil
        end
        next = after
    end
    return may_assume and assumed(frame, #bytes, "\n") or nil
end

-- The five headers of a document's head (5.2), and its extensions.
local HEAD_HEADERS = { date = true, os = true, ["last-modified"] = true, ["content-length"] = true,
    ["content-type"] = true }
local HEAD_EXTENSIONS = { ["content-range"] = true, digest = true, connection = true }

-- Text that programs send between the head and the document.
local DOCUMENT_PREFIX = "^[ \t]*RFC Data:[ \t]*"

-- The head of a document (5.2, 5.4). Sets `frame.length` to the Content-Length.
function framing.head(bytes, next, frame, may_assume)
    local seen = {}
    local function is_enough()
        return seen["content-length"] and seen["content-type"]
    end
    while next <= #bytes do
        local line_from = next
        local text, after, line_end = framing.line(bytes, line_from)
        local key = framing.header_key(text)
        local is_header = key and (HEAD_HEADERS[key] or HEAD_EXTENSIONS[key] or text:find("^%a[%w%-]*[ \t]*:"))
        if text == "" and line_end ~= "" then
            local following = framing.header_key((framing.line(bytes, after)))
            if not (following and HEAD_HEADERS[following] and not seen[following]) then
                frame.has_empty_line = true
                ended(frame, after - 1, "empty line")
                local last = framing.end_line(bytes, after)
                if last then
                    frame.trailer_from = after
                    ended(frame, last, "END")
                end
                return frame
            end
        elseif is_enough() and (not is_header or HEAD_HEADERS[key] and seen[key] and key ~= "content-type") then
            -- The beginning of a header is no document yet, unless the document has this length.
            local is_word = line_end == "" and text:find("^[%a%-]*$") and #text <= 20
            if text == "\r" or is_word and #text ~= frame.length then
                return nil
            end
            local _, last = bytes:find(DOCUMENT_PREFIX, line_from)
            frame.prefix_from = last and line_from
            return ended(frame, last or line_from - 1, "no empty line")
        elseif line_end == "" then
            return after - frame.from > HEAD_LIMIT and ended(frame, #bytes, "limit") or nil
        elseif is_header then
            if key == "content-length" and not seen[key] then
                local _, _, value = framing.header(text)
                frame.length = grammar.is_length(value) and tonumber(value) or nil
            end
            seen[key] = true
        end
        if after - frame.from > HEAD_LIMIT then
            return ended(frame, after - 1, "limit")
        end
        next = after
    end
    return may_assume and is_enough() and assumed(frame, #bytes, "\n") or nil
end

-- A reply, whose form depends on the request. `has_finals` says that the server has sent empty lines after
-- records before.
function framing.response(bytes, at, request, may_assume, has_finals)
    local prefixed = framing.prefixed(bytes, at, framing.response_start)
    if prefixed then
        prefixed.kind = "reply"
        local text, next = framing.line(bytes, prefixed.head)
        if request and request.method == "GET" and text:find("^%S+%s+20[06]") then
            -- Its Content-Length.
            local inner = { from = prefixed.head }
            framing.head(bytes:sub(1, prefixed.to), next, inner, true)
            prefixed.kind, prefixed.length = "head", inner.length
        end
    end
    if prefixed ~= nil then
        return prefixed or nil
    end
    local frame = { from = at, head = at, kind = "reply", has_finals = has_finals }
    local text, next, line_end = framing.line(bytes, at)
    if line_end == "" then
        local code, phrase = text:match("^P2P%-?CI%S*%s+(%d%d%d)%s+(.-)%s*$")
        if #text > LINE_LIMIT or may_assume and code and PHRASES[tonumber(code)] == phrase then
            return assumed(frame, #bytes, line_end)
        end
        return nil
    end
    local status = tonumber(text:match("^%S+%s+(%d%d%d)"))
    local following = framing.header_key((framing.line(bytes, next)))
    local is_document = request and request.method == "GET" or not request and HEAD_HEADERS[following or ""]
    if (status == 200 or status == 206) and is_document then
        frame.kind = "head"
        return framing.head(bytes, next, frame, may_assume)
    end
    if status ~= 200 then
        return framing.refusal(bytes, next, frame, may_assume)
    end
    local first, after, first_end = framing.line(bytes, next)
    if first == "" and first_end ~= "" then
        frame.strict = true
        next = after
    end
    return framing.records(bytes, next, frame, request, may_assume)
end

-- ---------------------------------------------------------------------------------------------------------
-- Reading (2 to 6)
-- ---------------------------------------------------------------------------------------------------------

-- The lines of a message become nodes of the tree: `field`, `from`, `to`, `value`, and the `nodes` and
-- `faults` (names of violations, with a detail) below it.
local reading = {}

local function node(parent, name, from, to, value)
    local new = { field = name, from = from, to = to, value = value, nodes = {}, faults = {} }
    parent.nodes[#parent.nodes + 1] = new
    return new
end

local function fault(at, name, detail)
    at.faults[#at.faults + 1] = { name = name, detail = detail }
end

-- The words of a text, with their positions in it.
local function words_of(text)
    local words = {}
    for from, word in text:gmatch("()([^ \t]+)") do
        words[#words + 1] = { text = word, from = from, to = from + #word - 1 }
    end
    return words
end

-- Faults that any line can have (2.1, 7).
local function check_line(at, text, line_end, limit)
    if line_end == "\n" then
        fault(at, "line_feed")
    end
    if text:find("\r", 1, true) then
        fault(at, "carriage_return")
    end
    if text:find("[%z\1-\8\11\12\14-\31\127]") then
        fault(at, "control")
    end
    if not grammar.is_utf8(text) then
        fault(at, "not_utf8")
    end
    if #text + #line_end > limit then
        fault(at, "line_long", (#text + #line_end) .. " bytes")
    end
end

-- The document that words name (2.4): `RFC 1`, `FILE a.txt`, and the forms of other programs. Returns a table
-- with `name`, `rfc` or `file`, the words that were used, and faults.
function reading.document(words, first)
    local one, two = words[first], words[first + 1]
    if not one then
        return nil
    end
    local found = { faults = {}, used = 1, word = one }
    local digits = one.text:match("^[Rr][Ff][Cc][%-:]?(%d+)$") or one.text:match("^(%d+)$")
    if digits then
        fault(found, "rfc_word", one.text)
    elseif two and one.text:find("^[Rr][Ff][Cc]:?$") then
        digits, found.used, found.word = two.text, 2, two
        if one.text ~= "RFC" then
            fault(found, "rfc_word", one.text)
        end
    elseif two and one.text:upper() == "FILE" then
        found.used, found.word, found.file = 2, two, grammar.file_name(two.text)
        found.name = "FILE " .. two.text
        if not found.file or one.text ~= "FILE" then
            fault(found, "file_name", two.text)
        end
        return found
    else
        return nil
    end
    found.rfc = grammar.rfc_number(digits)
    if not found.rfc and digits:find("^0+[1-9]") and grammar.rfc_number((digits:gsub("^0+", ""))) then
        found.rfc = tonumber(digits)
        fault(found, "rfc_zero", digits)
    elseif not found.rfc then
        fault(found, "rfc_number", digits)
    end
    found.name = "RFC " .. (found.rfc and string.format("%d", found.rfc) or digits)
    return found
end

-- The words of a request line (3.1): a summary with `method`, `version`, `document`, `scope`, and faults.
function reading.request_words(text)
    local words = words_of(text)
    local line = { method = words[1], words = words, faults = {} }
    local method = words[1] and words[1].text or ""
    local count = #words
    local last = words[count]
    if last and count > 1 and (last.text:find("^P2P") or last.text:find("^%d+%.%d+$")) then
        line.version = last
        count = count - 1
        -- `LIST ALL P2P-CI v1.0`
    elseif count > 2 and words[count - 1].text:find("^P2P") then
        line.version = { text = text:sub(words[count - 1].from, last.to), from = words[count - 1].from, to = last.to }
        count = count - 2
    end
    if not line.version or line.version.text ~= "P2P-CI/1.0" then
        fault(line, "version", line.version and line.version.text or "none")
    end
    local arguments = {}
    for at = 2, count do
        arguments[#arguments + 1] = words[at]
    end
    if method == "LIST" or method == "SEARCH" then
        line.scope = arguments[1]
        local scope = line.scope and line.scope.text
        local is_right = scope == "ALL" or scope == "FILES" and method == "LIST"
        if not is_right or #arguments ~= 1 then
            fault(line, method == "LIST" and "list_words" or "words")
        end
    elseif METHODS[method] then
        line.document = reading.document(arguments, 1)
        if not line.document or line.document.used ~= #arguments then
            fault(line, "words")
        end
    else
        fault(line, OTHER_METHODS[method] or "method_unknown", method)
    end
    local expected = {}
    for at, word in ipairs(words) do
        expected[at] = word.text
    end
    if table.concat(expected, " ") ~= text then
        fault(line, "blanks")
    end
    return line
end

local function document_nodes(parent, document, offset, prefix)
    local word = document.word
    local from, to = offset + word.from, offset + word.to
    if document.rfc then
        node(parent, prefix .. "rfc", from, to, document.rfc)
    elseif document.file then
        node(parent, prefix .. "file", from, to, document.file)
    end
end

-- The line of a request.
local function read_request_line(root, bytes, at)
    local text, next, line_end = framing.line(bytes, at)
    local line = node(root, "line", at, math.max(at, at + #text - 1), text)
    local words = reading.request_words(text)
    local offset = at - 1
    for _, found in ipairs({ { "method", words.method }, { "scope", words.scope } }) do
        if found[2] then
            node(line, found[1], offset + found[2].from, offset + found[2].to, found[2].text)
        end
    end
    if words.document then
        local document = words.document
        node(line, "document_name", offset + document.word.from, offset + document.word.to, document.name)
        document_nodes(line, document, offset, "")
        for _, found in ipairs(document.faults) do
            fault(line, found.name, found.detail)
        end
    end
    if words.version then
        node(line, "version", offset + words.version.from, offset + words.version.to, words.version.text)
    end
    for _, found in ipairs(words.faults) do
        fault(line, found.name, found.detail)
    end
    check_line(line, text, line_end, LINE_LIMIT)
    return next, words, line_end
end

-- Headers: the field, and what the value must be (2.9).
local function text_value(at, name, from, to, value, check, violation)
    node(at, name, from, to, value)
    if not check(value) then
        fault(at, violation, value)
    end
end

local function number_value(at, name, from, to, value, number, violation)
    if number then
        node(at, name, from, to, number)
    else
        fault(at, violation, value)
    end
end

local function equals(expected)
    return function(value)
        return value:lower():find(expected, 1, true) ~= nil
    end
end

local HEADERS = {
    host = { "Host", function(at, from, to, value)
        text_value(at, "host", from, to, value, grammar.is_host, "host")
    end },
    port = { "Port", function(at, from, to, value)
        number_value(at, "port", from, to, value, grammar.port(value), "port")
    end },
    title = { "Title", function(at, from, to, value)
        text_value(at, "title", from, to, value, grammar.is_title, "title")
    end },
    limit = { "Limit", function(at, from, to, value)
        number_value(at, "limit", from, to, value, grammar.rfc_number(value), "limit")
    end },
    os = { "OS", function(at, from, to, value)
        text_value(at, "os", from, to, value, grammar.is_header_text, "header_text")
    end },
    date = { "Date", function(at, from, to, value)
        text_value(at, "date", from, to, value, grammar.is_date, "date")
    end },
    ["last-modified"] = { "Last-Modified", function(at, from, to, value)
        text_value(at, "last_modified", from, to, value, grammar.is_date, "date")
    end },
    ["content-length"] = { "Content-Length", function(at, from, to, value)
        number_value(at, "content_length", from, to, value, grammar.is_length(value) and value, "length")
    end },
    ["content-type"] = { "Content-Type", function(at, from, to, value)
        text_value(at, "content_type", from, to, value, grammar.is_header_text, "header_text")
    end },
    ["want-digest"] = { "Want-Digest", function(at, from, to, value)
        text_value(at, "want_digest", from, to, value, equals("sha-256"), "want_digest")
    end },
    digest = { "Digest", function(at, from, to, value)
        text_value(at, "digest", from, to, value, grammar.is_digest, "digest")
    end },
    length = { "Length", function(at, from, to, value)
        number_value(at, "length", from, to, value, grammar.is_length(value) and value, "length")
    end },
    ["want-attributes"] = { "Want-Attributes", function(at, from, to, value)
        text_value(at, "want_attributes", from, to, value, equals("1"), "want_attributes")
    end },
    ["want-cluster"] = { "Want-Cluster", function(at, from, to, value)
        text_value(at, "want_cluster", from, to, value, equals("1"), "want_cluster")
    end },
    cluster = { "Cluster", function(at, from, to, value)
        text_value(at, "cluster", from, to, value, grammar.is_cluster, "cluster")
    end },
    ["cluster-server"] = { "Cluster-Server", function(at, from, to, value)
        text_value(at, "cluster_server", from, to, value, grammar.is_endpoint, "cluster_server")
    end },
    attributes = { "Attributes", function(at, from, to, value)
        text_value(at, "attributes", from, to, value, equals("1"), "want_attributes")
    end },
    range = { "Range", function(at, from, to, value)
        local first, last = grammar.range(value)
        local range = node(at, "range", from, to, value)
        if first and #first <= 19 and #last <= 19 then
            node(range, "range.first", from, to, first)
            if last ~= "" then
                node(range, "range.last", from, to, last)
            end
        else
            fault(range, "range", value)
        end
    end },
    ["content-range"] = { "Content-Range", function(at, from, to, value)
        local first, last, length = grammar.content_range(value)
        local range = node(at, "content_range", from, to, value)
        if first and #first <= 19 and #last <= 19 and #length <= 19 then
            node(range, "content_range.first", from, to, first)
            node(range, "content_range.last", from, to, last)
            node(range, "content_range.length", from, to, length)
        else
            fault(range, "content_range", value)
        end
    end },
    connection = { "Connection", function(at, from, to, value)
        text_value(at, "connection", from, to, value, equals("keep-alive"), "connection")
    end },
    reason = { "Reason", function(at, from, to, value)
        text_value(at, "reason", from, to, value, grammar.is_header_text, "header_text")
    end },
}

-- The headers of each message in the order of the grammar; a `!` marks required ones.
local EXPECTED = {
    ADD = { "host!", "port!", "title!", "digest", "length" },
    REMOVE = { "host!", "port!" },
    LOOKUP = { "host!", "port!", "want-attributes", "want-cluster" },
    LIST = { "host!", "port!" },
    SEARCH = { "host!", "port!", "title!", "limit" },
    GET = { "host!", "os", "want-digest", "range", "connection" },
    head = { "date!", "os!", "last-modified!", "content-length!", "content-type!", "content-range", "digest",
        "connection" },
    refusal = { "attributes", "cluster", "cluster-server", "reason" },
}

-- One header line. Returns its name in lower case, and its value.
local function read_header(root, text, at, seen)
    local name, value_at, value, before, between, after, has_colon = framing.header(text)
    local line = node(root, "header", at, at + #text - 1, text)
    if not name then
        fault(line, "header_colon", text)
        return nil
    end
    local key = name:lower()
    local from = at + value_at - 1
    local to = from + #value - 1
    if to < from then
        from, to = at, at + #text - 1
    end
    local known = HEADERS[MISSPELT[key] or key]
    if MISSPELT[key] then
        fault(line, "header_name", string.format("expected %s, found %s", known[1], name))
        key = MISSPELT[key]
    elseif known and name ~= known[1] then
        fault(line, "header_case", name)
    end
    if not has_colon then
        fault(line, "header_colon", text)
    elseif before ~= "" or between ~= "" or after ~= " " and value ~= "" or text:find("[ \t]$") and value ~= "" then
        fault(line, "header_blank", text)
    end
    if known then
        known[2](line, from, to, value)
    else
        node(line, "header.name", at + #before, at + #before + #name - 1, name)
        node(line, "header.value", from, to, value)
        fault(line, "header_unknown", name)
    end
    if known and seen[key] and key ~= "cluster-server" then
        fault(line, "header_twice", known[1])
    end
    return key, value, line
end

-- The headers of a message until a position. Returns their values by name.
local function read_headers(root, bytes, at, to, kind, limit)
    local seen, order, last_rank, count = {}, {}, 0, 0
    for rank, name in ipairs(EXPECTED[kind] or {}) do
        order[(name:gsub("!", ""))] = rank
    end
    while at <= to do
        local text, next, line_end = framing.line(bytes, at)
        if next > to + 1 then
            text, next = bytes:sub(at, to), to + 1
        end
        if text == "" then
            local line = node(root, "empty_line", at, next - 1)
            check_line(line, text, line_end, HEADER_LIMIT)
            if next <= to then
                fault(line, kind == "head" and "head_empty" or "header_colon")
            end
        elseif kind == "head" and not framing.header(text) then
            local line = node(root, "text", at, at + #text - 1, text)
            fault(line, "head_line", text)
        else
            count = count + 1
            local key, value, line = read_header(root, text, at, seen)
            line = line or root.nodes[#root.nodes]
            check_line(line, text, line_end, HEADER_LIMIT)
            if key == "title" and kind == "LOOKUP" then
                fault(line, "title_in_lookup")
            elseif key and HEADERS[key] and EXPECTED[kind] and not order[key] then
                fault(line, "header_not_here", HEADERS[key][1])
            end
            if key and order[key] then
                if order[key] < last_rank then
                    fault(line, "header_order", HEADERS[key][1])
                end
                last_rank = math.max(last_rank, order[key])
            end
            if key and seen[key] == nil then
                seen[key] = value
            end
        end
        at = next
    end
    for _, name in ipairs(EXPECTED[kind] or {}) do
        local required = name:match("^(.*)!$")
        if required and not seen[required] then
            fault(root, "header_missing", HEADERS[required][1])
        end
    end
    if count > limit then
        fault(root, "headers_many", count .. " headers")
    end
    return seen
end

-- What ends a message, as a node and as faults. `violation` is the fault of a missing empty line.
local function read_end(root, bytes, frame, message, violation)
    if frame.has_prefix then
        local prefix = node(root, "prefix", frame.from, frame.head - 1)
        fault(prefix, "length_prefix")
    end
    if frame.trailer_from then
        local name = frame.ending == "END" and "text" or "padding"
        local trailer = node(root, name, frame.trailer_from, frame.to, "END")
        fault(trailer, frame.ending == "END" and "end_line" or "padding")
    end
    local ending = message.ending or frame.ending
    node(root, "end", frame.to, frame.to, ending).is_generated = true
    if not frame.has_empty_line and not frame.has_prefix and ending ~= "empty line" and ending ~= "continued" then
        fault(root, violation)
        if frame.is_unterminated then
            fault(root, "line_end")
        end
    end
    if frame.to - frame.head + 1 > HEAD_LIMIT and violation ~= "response_end" then
        fault(root, "head_long", (frame.to - frame.head + 1) .. " bytes")
    end
end

-- Where the lines of a message end: before `END` or padding.
local function lines_end(frame)
    return frame.trailer_from and frame.trailer_from - 1 or frame.to
end

-- A request (4, 5.1): fills `root`, and returns what the stream needs to know of it.
function reading.request(root, bytes, frame, message)
    local next, words = read_request_line(root, bytes, frame.head)
    local method = words.method and words.method.text or ""
    local kind = METHODS[method] and method or nil
    local headers = read_headers(root, bytes, next, lines_end(frame), kind, REQUEST_HEADERS)
    if method == "SEARCH" and headers.title and not headers.title:find("[%w\128-\255]") then
        fault(root, "words_of_search", headers.title)
    end
    read_end(root, bytes, frame, message, "request_end")
    if message.is_surplus then
        fault(root, "request_not_last")
    end
    local document = words.document
    return {
        method = method,
        document = document and document.name,
        rfc = document and document.rfc,
        file = document and document.file,
        scope = words.scope and words.scope.text,
        limit = headers.limit and grammar.rfc_number(headers.limit),
        wants_attributes = headers["want-attributes"] ~= nil,
        wants_range = headers.range ~= nil,
        wants_digest = headers["want-digest"] ~= nil or headers.range ~= nil,
        wants_connection = headers.connection ~= nil,
        label = method .. (document and " " .. document.name or words.scope and " " .. words.scope.text or ""),
    }
end

-- A status line (6.1): its status and phrase.
local function read_status_line(root, bytes, at)
    local text, next, line_end = framing.line(bytes, at)
    local line = node(root, "line", at, math.max(at, at + #text - 1), text)
    local version, blanks, code, blank, phrase = text:match("^(%S+)([ \t]+)(%d%d%d)([ \t]*)(.-)[ \t]*$")
    check_line(line, text, line_end, LINE_LIMIT)
    if not version or blank == "" and phrase ~= "" then
        fault(line, "status_line", text)
        return next, nil, ""
    end
    local status = tonumber(code)
    node(line, "version", at, at + #version - 1, version)
    local code_at = at + #version + #blanks
    node(line, "status", code_at, code_at + 2, status)
    if phrase ~= "" then
        local phrase_at = code_at + 3 + #blank
        node(line, "phrase", phrase_at, phrase_at + #phrase - 1, phrase)
    end
    if version ~= "P2P-CI/1.0" then
        fault(line, "status_version", version)
    end
    if blanks ~= " " or blank ~= " " or text:find("[ \t]$") then
        fault(line, "status_line", text)
    end
    if not PHRASES[status] then
        fault(line, "status_code", code)
    elseif phrase ~= PHRASES[status] then
        fault(line, "phrase", phrase)
    end
    return next, status, phrase
end

-- Attributes of a record (4.11).
local ATTRIBUTES = {
    Digest = function(at, from, to, value)
        text_value(at, "record.digest", from, to, value, grammar.is_digest, "digest")
    end,
    Length = function(at, from, to, value)
        number_value(at, "record.length", from, to, value, grammar.is_length(value) and value, "length")
    end,
    Added = function(at, from, to, value)
        text_value(at, "record.added", from, to, value, grammar.is_date, "date")
    end,
    Address = function(at, from, to, value)
        text_value(at, "record.address", from, to, value, grammar.is_host, "host")
    end,
}

-- A record (4.5), read from both ends. Returns its document, if it is one.
local function read_record(root, text, at, line_end)
    local line = node(root, "record", at, math.max(at, at + #text - 1), text)
    check_line(line, text, line_end, LINE_LIMIT)
    local words = words_of(text)
    local document = reading.document(words, 1)
    local port, host = words[#words], words[#words - 1]
    local number = port and grammar.port(port.text)
    if not document or not number or #words < document.used + 2 then
        fault(line, "record", text)
        return nil, line
    end
    local offset = at - 1
    node(line, "record.document", offset + words[1].from, offset + document.word.to, document.name)
    document_nodes(line, document, offset, "record.")
    for _, found in ipairs(document.faults) do
        fault(line, found.name == "rfc_word" and "record_rfc" or found.name, found.detail)
    end
    -- The title is what is between, without the blank on each side.
    local title_from, title_to = document.word.to + 2, host.from - 2
    local title = text:sub(title_from, title_to)
    local from, to = math.min(title_from, host.from), math.max(title_to, title_from)
    node(line, "record.title", offset + from, offset + to, title)
    node(line, "record.host", offset + host.from, offset + host.to, host.text)
    node(line, "record.port", offset + port.from, offset + port.to, number)
    if text:find("[ \t]$") or text:sub(host.to + 1, port.from - 1) ~= " " or title_to < title_from - 1 then
        fault(line, "record", text)
    end
    return document, line
end

-- Whether a document comes after another one in a list (4.5).
local function is_before(one, other)
    if one.rfc and other.rfc then
        return one.rfc < other.rfc
    end
    if one.file and other.file then
        return one.file < other.file
    end
    return one.rfc ~= nil and other.file ~= nil
end

-- The records of a reply until a position.
local function read_records(root, bytes, at, to, request)
    local count, last = 0, nil
    request = request or {}
    while at <= to do
        local text, next, line_end = framing.line(bytes, at)
        if next > to + 1 then
            text, next = bytes:sub(at, to), to + 1
        end
        local name, value = text:match("^(%a[%w%-]*):[ \t]*(.-)[ \t]*$")
        if text == "" then
            check_line(node(root, "empty_line", at, next - 1), text, line_end, LINE_LIMIT)
        elseif name and not text:find("^[Rr][Ff][Cc]:") and count > 0 then
            local line = node(root.nodes[#root.nodes], "record.attribute", at, at + #text - 1, text)
            check_line(line, text, line_end, LINE_LIMIT)
            if ATTRIBUTES[name] then
                ATTRIBUTES[name](line, at + #text - #value, at + #text - 1, value)
            end
            if not request.wants_attributes then
                fault(line, "attribute_unasked", name)
            end
        else
            count = count + 1
            local document, line = read_record(root, text, at, line_end)
            if document then
                local is_list = request.method == "LIST"
                local is_asked = request.document == nil or is_list or request.method == "SEARCH"
                if not is_asked and request.document ~= document.name then
                    fault(line, "record_other", document.name)
                end
                if is_list and last and is_before(document, last) then
                    fault(line, "record_order", document.name .. " after " .. last.name)
                end
                if is_list and (request.scope == "FILES") ~= (document.file ~= nil) then
                    fault(line, "record_kind", document.name)
                end
                last = document
            end
        end
        at = next
    end
    return count
end

-- What the reply must have for its request (4.1 to 4.4, 4.10).
local function check_count(root, count, request)
    local method = request and request.method
    if method == "ADD" or method == "REMOVE" then
        if count ~= 1 then
            fault(root, count == 0 and "record_none" or "record_many")
        end
    elseif method == "LOOKUP" and count == 0 then
        fault(root, "lookup_empty")
    elseif method == "SEARCH" and request.limit and count > request.limit then
        fault(root, "record_limit", string.format("%d records, limit %d", count, request.limit))
    end
end

-- A reply of an index server, or a refusal of any server (3.2).
function reading.reply(root, bytes, frame, message)
    local request = message.request
    local next, status, phrase = read_status_line(root, bytes, frame.head)
    local to = lines_end(frame)
    local count = 0
    if status == 200 then
        local first = next <= to and framing.line(bytes, next)
        if first == "" then
            local _, after, line_end = framing.line(bytes, next)
            check_line(node(root, "empty_line", next, after - 1), "", line_end, LINE_LIMIT)
            next = after
        elseif next <= to then
            fault(root, "status_empty")
        end
        count = read_records(root, bytes, next, to, request)
        node(root, "record.count", frame.to, frame.to, count).is_generated = true
        if frame.ending ~= "continued" then
            check_count(root, count, request)
        end
    else
        if next <= to and framing.is_record(framing.line(bytes, next)) then
            fault(root, "refusal_record")
        end
        read_headers(root, bytes, next, to, "refusal", RESPONSE_HEADERS)
        if status == 404 and request and request.method == "LIST" then
            fault(root, "list_refused")
        end
    end
    read_end(root, bytes, frame, message, "response_end")
    return { status = status, phrase = phrase, count = status == 200 and count or nil }
end

-- The head of a document (5.2).
function reading.head(root, bytes, frame, message)
    local request = message.request or {}
    local next, status, phrase = read_status_line(root, bytes, frame.head)
    local to = frame.prefix_from and frame.prefix_from - 1 or lines_end(frame)
    local seen = read_headers(root, bytes, next, to, "head", RESPONSE_HEADERS)
    if frame.prefix_from then
        local text = bytes:sub(frame.prefix_from, frame.to)
        fault(node(root, "document.prefix", frame.prefix_from, frame.to, text), "document_prefix", text)
    end
    if not frame.length then
        fault(root, "no_length")
    end
    if message.request then
        if status == 206 and not request.wants_range then
            fault(root, "part_unasked")
        end
        for name, wanted in pairs({ digest = request.wants_digest, connection = request.wants_connection,
            ["content-range"] = request.wants_range }) do
            if seen[name] and not wanted then
                fault(root, "digest_unasked", HEADERS[name][1])
            end
        end
    end
    if status == 206 then
        local first, last = grammar.content_range(seen["content-range"] or "")
        if not first then
            fault(root, "header_missing", "Content-Range")
        elseif frame.length and tonumber(last) - tonumber(first) + 1 ~= frame.length then
            fault(root, "part_length")
        end
    end
    read_end(root, bytes, frame, message, "head_end")
    local keeps_open = (seen.connection or ""):lower():find("keep-alive", 1, true) ~= nil
    return { status = status, phrase = phrase, keeps_open = keeps_open }
end

-- ---------------------------------------------------------------------------------------------------------
-- Streams (3.4)
-- ---------------------------------------------------------------------------------------------------------

-- A stream has two sides, and the requests that wait for their responses. A call of the dissector becomes a
-- list of items: the messages and other bytes of a segment, or of reassembled segments. An item has its frame
-- (`from`, `to`, `ending`), its `kind`, and the `message`: what other frames need to know of it.
--
-- A message that was assumed to be complete is held: if the next segment continues it, both are read together.
local streams = { all = {}, calls = {} }

local ONE_MORE, UNTIL_END = 0x0fffffff, 0x0ffffffe

-- The longest document that is reassembled, and the longest message that is read together with held bytes.
local DOCUMENT_LIMIT, HELD_LIMIT = 16 * 1024 * 1024, 1024 * 1024

-- The length from which an incomplete list is not read again for each segment.
local RESCAN_LIMIT = 4096

function streams.reset()
    streams.all, streams.calls = {}, {}
end

local function new_stream(id)
    local stream = { client = { role = "client" }, server = { role = "server" }, waiting = {}, first = 1, last = 0 }
    streams.all[id] = stream
    return stream
end

function streams.get(id)
    return streams.all[id] or new_stream(id)
end

local function next_request(stream)
    return stream.waiting[stream.first]
end

local function add_request(stream, message)
    stream.last = stream.last + 1
    stream.waiting[stream.last] = message
end

-- Links a response to the oldest request without one. If there is none, but text has come that seemed to be the
-- response, the text was a greeting or a note.
local function answer(stream, message)
    local request = next_request(stream)
    local text = stream.text
    stream.text = request and message.is_text and message or nil
    if not request and text and not message.is_text then
        message.request, text.request = text.request, nil
        message.request.response = message
    end
    if request then
        stream.waiting[stream.first] = nil
        stream.first = stream.first + 1
        message.request = request
        request.response = message
    end
end

-- Takes back a message whose continuation has arrived: it is read again as a whole.
local function withdraw(stream, message, frame)
    message.continued_in = frame
    if message.kind == "request" then
        if stream.waiting[stream.last] == message then
            stream.waiting[stream.last] = nil
            stream.last = stream.last - 1
        end
    elseif message.request then
        message.request.response = nil
        stream.first = stream.first - 1
        stream.waiting[stream.first] = message.request
        message.request = nil
    end
end

-- Whether bytes continue the held message: nothing else begins there.
local function continues(stream, held, bytes)
    local first = bytes:byte(1)
    local is_text = first >= 0x20 and first ~= 0x7F or first == 9
    if not held.message then
        return true
    end
    if held.message.kind == "reply" and held.message.status == 200 and bytes:find("^\r?\n") then
        return true
    end
    if not is_text or #held.bytes > HELD_LIMIT or framing.trailer(bytes, 1) then
        return false
    end
    if held.message.kind == "request" then
        -- Another program may send its next request with a length before it.
        local start = framing.request_start(bytes, 1)
        -- A line without its end is continued, unless a whole request line follows.
        local is_other = start == "yes" or start == "maybe" and not held.is_unterminated
        return not is_other and not bytes:find("^%d%d%d%d%d%d%d%d%d%d")
    end
    if framing.response_start(bytes, 1) ~= "no" then
        return false
    end
    if held.message.kind == "head" then
        local key = framing.header_key((framing.line(bytes, 1)))
        return key ~= nil and (HEAD_HEADERS[key] or HEAD_EXTENSIONS[key]) ~= nil
    end
    if held.message.status == 200 or held.message.status == nil then
        -- With a further request outstanding, only a record continues the reply.
        return next_request(stream) == nil or bytes:find("^RFC") ~= nil or bytes:find("^FILE ") ~= nil
            or bytes:find("^%d+ ") ~= nil
    end
    return framing.header_key((framing.line(bytes, 1))) == "reason"
end

-- An item that is no message, with the bytes up to `to`.
local function other(kind, from, to, message)
    return { kind = kind, from = from, to = to, message = message }
end

-- The empty line, the padding or the line `END` of a message that was assumed to be complete, or empty lines
-- before a message. Nil if the bytes are neither.
local function next_trailer(side, bytes, at)
    local _, last = bytes:find("^\r?\n", at)
    local kind = "empty line"
    if not last then
        last, kind = framing.trailer(bytes, at)
    end
    if not last then
        return nil, bytes:sub(at) == "\r"
    end
    local before = side.assumed
    side.assumed = nil
    local item = other(kind == "empty line" and "empty_line" or "trailer", at, last, before)
    item.ending = kind
    if before and kind == "empty line" then
        before.ending = kind
        side.has_empty_lines = true
    end
    return item
end

-- Bytes that are no message, until a line at which `start` finds the next message. Text that comes first on a
-- connection may be a greeting.
local function no_message(stream, bytes, at, start, message)
    local to = bytes:find("\n", at, true)
    while to and to < #bytes and start(bytes, to + 1) ~= "yes" do
        to = bytes:find("\n", to + 1, true)
    end
    local item = other("data", at, to or #bytes, message)
    if bytes:byte(at) == 0x80 then
        item.to, item.violation = #bytes, "pickle"
    elseif not stream.has_messages and bytes:sub(at, item.to):find("^[%g ]+\r?\n?$") then
        item.violation = "greeting"
    end
    return item
end

-- The next item of the client: a request.
local function next_of_client(stream, side, bytes, at, info)
    local item, is_partial = next_trailer(side, bytes, at)
    if item or is_partial then
        return item
    end
    local first = bytes:byte(at)
    if first == 0x80 then
        return no_message(stream, bytes, at, framing.request_start, {})
    end
    local prefix = framing.length_prefix(bytes, at, framing.request_start)
    local start = framing.request_start(bytes, at)
    if start == "maybe" and not prefix then
        local text = bytes:sub(at)
        local is_leaving = OTHER_METHODS[text] and info.may_assume(at)
        if not is_leaving then
            return nil
        end
    elseif start == "no" and prefix == nil then
        return no_message(stream, bytes, at, framing.request_start, {})
    end
    local frame = framing.request(bytes, at, info.may_assume(at) and not side.has_empty_lines)
    if not frame then
        return nil
    end
    frame.kind = "request"
    frame.message = { kind = "request" }
    return frame
end

-- The bytes of a document (5.3).
local function next_of_document(side, bytes, at, info)
    local document = side.document
    local available = #bytes - at + 1
    local to
    if document.left then
        if available < document.left and document.left <= DOCUMENT_LIMIT and info.can_wait then
            return nil, document.left - available
        end
        to = at + math.min(available, document.left) - 1
        document.left = document.left - (to - at + 1)
    else
        if not info.is_end and info.can_wait then
            return nil, UNTIL_END
        end
        to = #bytes
    end
    local is_last = document.left == 0 or not document.left and info.is_end
    local item = other("document", at, to, document.head)
    item.is_whole = is_last and not document.is_divided
    document.is_divided = true
    if is_last then
        document.head.document_in = info.frame
        side.document = nil
        side.after = document.head
    end
    return item
end

-- The next item of the server: a reply, a document, or other text.
local function next_of_server(stream, side, bytes, at, info)
    if side.document and side.assumed then
        -- The empty line of a head that seemed to have none.
        local item = next_trailer(side, bytes, at)
        side.assumed = nil
        if item then
            return item
        end
    end
    if side.document then
        return next_of_document(side, bytes, at, info)
    end
    if side.list then
        local frame = { from = at, head = at, strict = true, kind = "records" }
        if not framing.records(bytes, at, frame, side.list.request, false) then
            return nil
        end
        frame.message = { kind = "records", request = side.list.request, head = side.list }
        return frame
    end
    local start = framing.response_start(bytes, at)
    local prefix = framing.length_prefix(bytes, at, framing.response_start)
    if side.after and start == "no" then
        -- Until the next status line, if the connection stays open.
        local next = bytes:find("P2P%-?CI/", at)
        return other("surplus", at, next and next - 1 or #bytes, side.after)
    end
    local item, is_partial = next_trailer(side, bytes, at)
    if item or is_partial then
        return item
    end
    if start == "maybe" or prefix == false then
        return nil
    end
    if start == "no" and not prefix then
        return no_message(stream, bytes, at, framing.response_start, { kind = "reply", is_text = true })
    end
    local request = next_request(stream)
    local frame = framing.response(bytes, at, request, info.may_assume(at), side.has_finals)
    if not frame then
        return nil
    end
    frame.message = { kind = frame.kind }
    return frame
end

-- What the streams remember of an item.
local function remember(stream, side, item, bytes, info)
    local message = item.message
    stream.has_messages = stream.has_messages or item.kind ~= "data"
    if item.kind == "request" then
        message.is_surplus = stream.server.after ~= nil and not stream.server.after.keeps_open
        add_request(stream, message)
        local root = { nodes = {}, faults = {} }
        for key, value in pairs(reading.request(root, bytes, item, message)) do
            message[key] = value
        end
        side.has_empty_lines = side.has_empty_lines or item.has_empty_line
    elseif item.kind == "reply" or item.kind == "head" or item.kind == "data" and message.kind == "reply" then
        answer(stream, message)
        if item.kind ~= "data" then
            local root = { nodes = {}, faults = {} }
            for key, value in pairs(reading[item.kind](root, bytes, item, message)) do
                message[key] = value
            end
        end
        side.after = nil
        side.list = item.is_open and message or nil
        side.has_finals = side.has_finals or item.has_final and not item.is_assumed
    elseif item.kind == "records" then
        side.list = item.is_open and side.list or nil
    end
    if item.kind == "head" then
        message.length = item.length
        side.document = item.length ~= 0 and { head = message, left = item.length } or nil
        if item.length == 0 then
            message.document_in, side.after = info.frame, message
        end
    end
    if message and not message.frame then
        message.frame, message.time = info.frame, info.time
    end
    if item.kind ~= "empty_line" and item.kind ~= "trailer" then
        side.assumed = item.is_assumed and message or nil
    end
    if item.is_assumed and item.to == #bytes and item.kind ~= "data" then
        side.held = {
            bytes = bytes:sub(item.from, item.to),
            message = message,
            is_unterminated = item.is_unterminated,
        }
    end
end

-- Reads the bytes of one call of the dissector. `info` has `frame`, `time`, and `can_wait` (for further
-- segments). Returns a call: `items`, the `prefix` of held bytes, and `wait_from` and `wait` if more bytes are
-- needed. The next call then begins with the same `side.waiting` bytes again.
function streams.receive(stream, side, data, info)
    local call = { items = {}, prefix = "" }
    local waiting = side.waiting or 0
    local is_long = waiting > RESCAN_LIMIT and #data <= LIST_LIMIT
    if side.waits_for_line and is_long and not data:find("\n", waiting + 1, true) then
        -- A long list in very short segments is read again only when another line is complete.
        side.waiting, call.wait_from, call.wait = #data, 0, ONE_MORE
        return call
    end
    info.is_end = side.waits_until_end
    side.waiting, side.waits_until_end, side.waits_for_line = nil, nil, nil
    local held = side.held
    if held and not continues(stream, held, data) then
        side.held, held = nil, nil
    end
    local prefix = held and held.bytes or ""
    local bytes = prefix .. data
    -- Held bytes have shown that messages of this program may end with the segment.
    info.may_assume = function(at)
        return at > #prefix + waiting or held ~= nil and held.message ~= nil and at <= #prefix
    end
    if held and held.message then
        call.withdrawn = held.message
    end
    local next = side.role == "client" and next_of_client or next_of_server
    local request = held and held.message and held.message.request
    local document = side.document
    local at = 1
    while at <= #bytes do
        if at == 1 and call.withdrawn then
            -- The message is read as if its first part had not been.
            withdraw(stream, held.message, info.frame)
            side.document = nil
        end
        local item, more = next(stream, side, bytes, at, info)
        if not item and not info.can_wait then
            side.held = { bytes = bytes:sub(at) }
            item = other("part", at, #bytes, {})
            call.items[#call.items + 1] = item
            call.prefix = prefix
            return call
        end
        if not item then
            if at == 1 and call.withdrawn then
                -- Not yet: the first part stays as it was.
                local message = held.message
                message.continued_in = nil
                if message.kind == "request" then
                    add_request(stream, message)
                elseif request then
                    answer(stream, message)
                end
                side.document = document
                call.withdrawn = nil
            end
            if at > #prefix then
                side.held = nil
            end
            local wait_from = math.max(at - 1 - #prefix, 0)
            if wait_from > 0 and wait_from <= waiting then
                -- TCP would give all bytes again, not only those from here.
                side.held = { bytes = bytes:sub(at) }
                break
            end
            call.wait_from, call.wait = wait_from, more or ONE_MORE
            side.waiting, side.waits_until_end = #data - call.wait_from, more == UNTIL_END
            side.waits_for_line = call.wait == ONE_MORE and side.role == "server"
            break
        end
        side.held = nil
        remember(stream, side, item, bytes, info)
        call.items[#call.items + 1] = item
        at = item.to + 1
    end
    call.prefix = #call.items > 0 and prefix or ""
    return call
end

-- ---------------------------------------------------------------------------------------------------------
-- Display
-- ---------------------------------------------------------------------------------------------------------

local display = {}

-- The range of positions in a buffer; an empty one at the end if the positions are outside.
local function range_of(tvb, from, to)
    local length = tvb:len()
    from = math.max(1, math.min(from, length))
    to = math.max(from, math.min(to, length))
    return tvb:range(from - 1, to - from + 1)
end

local INTEGERS = { rfc = true, ["record.rfc"] = true, port = true, ["record.port"] = true, status = true, limit = true,
    ["record.count"] = true }
local LONG_INTEGERS = { content_length = true, length = true, ["record.length"] = true, ["range.first"] = true,
    ["range.last"] = true, ["content_range.first"] = true, ["content_range.last"] = true,
    ["content_range.length"] = true, ["document.length"] = true }
local BYTES = { document = true, ["document.surplus"] = true, data = true, padding = true, prefix = true,
    empty_line = true }

local function add_violation(item, found, is_named)
    local violation = VIOLATIONS[found.name]
    local text = string.format("%s (protocol.md section %s)", violation[3], violation[1])
    if found.detail then
        text = string.format("%s: %s", text, grammar.shown(found.detail:sub(1, 200)))
    end
    item:add_proto_expert_info(EXPERTS[found.name], text)
    if violation[2] ~= "chat" then
        item:add(F.section, violation[1]):set_generated()
    end
    if violation[4] and not is_named[violation[4]] then
        is_named[violation[4]] = true
        item:add(F.dialect, violation[4]):set_generated()
    end
end

-- Adds nodes to the tree, with their violations.
local function add_nodes(tree, tvb, nodes, is_named)
    for _, child in ipairs(nodes) do
        local name = child.field
        local range = range_of(tvb, child.from, child.to)
        local item
        if BYTES[name] then
            item = tree:add(F[name], range)
        elseif LONG_INTEGERS[name] then
            item = tree:add(F[name], range, UInt64.new(tostring(child.value)))
        elseif INTEGERS[name] then
            item = tree:add(F[name], range, child.value)
        else
            item = tree:add(F[name], range, grammar.shown(child.value))
        end
        if child.is_generated then
            item:set_generated()
        end
        add_nodes(item, tvb, child.nodes, is_named)
        for _, found in ipairs(child.faults) do
            add_violation(item, found, is_named)
        end
    end
end

local function add_frame(tree, name, frame)
    if frame then
        tree:add(F[name], frame):set_generated()
    end
end

-- A request with the frame of its response, or a response with the frame of its request and the time.
local function add_links(tree, message, root, is_later)
    if message.kind == "request" then
        tree:add(F.request, true):set_generated()
        if message.response then
            add_frame(tree, "response_in", message.response.frame)
        elseif is_later and not message.continued_in and METHODS[message.method] then
            fault(root, "no_response")
        end
        return
    end
    tree:add(F.response, true):set_generated()
    local request = message.request
    if request then
        add_frame(tree, "request_in", request.frame)
        local time = math.max(message.time - request.time, 0)
        local seconds = math.floor(time)
        local nanoseconds = math.min(math.floor((time - seconds) * 1e9 + 0.5), 999999999)
        tree:add(F.time, NSTime.new(seconds, nanoseconds)):set_generated()
    else
        fault(root, "unsolicited")
    end
    if message.kind == "head" then
        add_frame(tree, "document_in", message.document_in)
        if is_later and not message.document_in and not message.continued_in then
            fault(root, "document_short")
        end
    end
end

local function status_text(message)
    local status = message.status and string.format("%d %s", message.status, message.phrase) or "no status"
    if message.count then
        status = string.format("%s, %d %s", status, message.count, message.count == 1 and "record" or "records")
    elseif message.kind == "head" and message.length then
        status = string.format("%s, %.0f bytes", status, message.length)
    end
    return status
end

-- How each kind of item becomes nodes, and the text that describes it.
local SHOW = {}

function SHOW.request(root, bytes, item)
    reading.request(root, bytes, item, item.message)
    return item.message.label
end

function SHOW.reply(root, bytes, item)
    reading.reply(root, bytes, item, item.message)
    return status_text(item.message)
end

function SHOW.head(root, bytes, item)
    reading.head(root, bytes, item, item.message)
    return status_text(item.message)
end

function SHOW.records(root, bytes, item)
    local count = read_records(root, bytes, item.from, lines_end(item), item.message.request)
    node(root, "record.count", item.to, item.to, count).is_generated = true
    read_end(root, bytes, item, {}, "response_end")
    return string.format("%d further records", count)
end

function SHOW.document(root, bytes, item)
    if item.is_whole then
        node(root, "document", item.from, item.to)
    else
        node(root, "data", item.from, item.to)
    end
    node(root, "document.length", item.to, item.to, item.to - item.from + 1).is_generated = true
    local what = item.is_whole and "document" or "part of a document"
    return string.format("%s, %d bytes", what, item.to - item.from + 1)
end

function SHOW.surplus(root, bytes, item)
    local surplus = node(root, "document.surplus", item.from, item.to)
    fault(surplus, "document_surplus", (item.to - item.from + 1) .. " bytes")
    return "bytes after the document"
end

function SHOW.empty_line(root, bytes, item)
    local line = node(root, "empty_line", item.from, item.to)
    if not item.message then
        fault(line, "empty_before")
    end
    return "empty line"
end

function SHOW.trailer(root, bytes, item)
    local trailer = node(root, item.ending == "END" and "text" or "padding", item.from, item.to, "END")
    fault(trailer, item.ending == "END" and "end_line" or "padding")
    return item.ending
end

function SHOW.data(root, bytes, item)
    local text = bytes:sub(item.from, math.min(item.to, item.from + LINE_LIMIT))
    local data = node(root, "data", item.from, item.to)
    if not item.violation and grammar.is_utf8(text) and not text:find("[%z\1-\8\14-\31]") then
        data = node(root, "text", item.from, item.to, text)
    end
    fault(data, item.violation or "not_a_message")
    return "no message"
end

function SHOW.part(root, bytes, item)
    node(root, "data", item.from, item.to)
    return "part of a message"
end

-- Adds an item to the tree, and returns its text for the column.
function display.item(tree, tvb, bytes, item, is_later)
    local message = item.message or {}
    if message.continued_in and is_later then
        local part = tree:add(p2pci, range_of(tvb, item.from, item.to), "P2P-CI, beginning of a message")
        add_frame(part, "continued_in", message.continued_in)
        return "beginning of a message"
    end
    local root = { nodes = {}, faults = {} }
    local text = SHOW[item.kind](root, bytes, item)
    local top = tree:add(p2pci, range_of(tvb, item.from, item.to), "P2P-CI, " .. grammar.shown(text))
    if item.kind == "document" or item.kind == "surplus" then
        add_frame(top, "head_in", message.frame)
    elseif item.kind == "records" then
        add_frame(top, "head_in", message.head.frame)
    elseif (item.kind == "empty_line" or item.kind == "trailer") and item.message then
        add_frame(top, "begins_in", message.frame)
    elseif item.kind == "request" or item.kind == "reply" or item.kind == "head" then
        add_links(top, message, root, is_later)
    elseif item.kind == "data" and message.request then
        add_frame(top, "request_in", message.request.frame)
    end
    local is_named = {}
    add_nodes(top, tvb, root.nodes, is_named)
    for _, found in ipairs(root.faults) do
        add_violation(top, found, is_named)
    end
    return text
end

-- Adds the items of a call to the tree and the columns.
function display.call(call, tvb, pinfo, tree)
    pinfo.cols.protocol:set("P2P-CI")
    if #call.items == 0 then
        return
    end
    local data = tvb
    if call.prefix ~= "" then
        data = ByteArray.new(call.prefix .. tvb:raw(), true):tvb("P2P-CI, with the bytes before")
    end
    local bytes = data:raw()
    local texts = {}
    for _, item in ipairs(call.items) do
        local text = display.item(tree, data, bytes, item, pinfo.visited)
        if #texts < 8 then
            texts[#texts + 1] = grammar.shown(text)
        end
    end
    local info = table.concat(texts, "; ")
    pinfo.cols.info:set(call.is_first and info or "; " .. info)
    pinfo.cols.info:fence()
end

-- ---------------------------------------------------------------------------------------------------------
-- Export of documents
-- ---------------------------------------------------------------------------------------------------------

-- Lua cannot add to File > Export Objects. A whole document is written when its last byte is read first, if a
-- directory is set (preference `p2pci.export`, or the menu Tools > P2P-CI). No file is overwritten.
local export = { directory = "" }

-- A file name that no directory, hidden file or device has.
function export.name(request)
    local name = request and (request.rfc and string.format("rfc%d.txt", request.rfc) or request.file) or "document"
    name = name:gsub("[^%w%.%-_]", "_"):gsub("^%.+", "_"):sub(1, 200)
    return name
end

local function exists(path)
    local file = io.open(path, "rb")
    if file then
        file:close()
    end
    return file ~= nil
end

function export.document(head, bytes, from, to)
    if export.directory == "" then
        return
    end
    local name = string.format("frame-%d-%s", head.frame, export.name(head.request))
    local path = export.directory .. "/" .. name
    if exists(path) then
        return
    end
    local file, reason = io.open(path, "wb")
    if not file then
        print("p2pci: cannot write " .. path .. ": " .. tostring(reason))
        return
    end
    file:write(bytes:sub(from, to))
    file:close()
end

-- Writes the whole documents of a call.
function export.call(call, bytes)
    for _, item in ipairs(call.items) do
        if item.kind == "document" and item.is_whole then
            export.document(item.message, bytes, item.from, item.to)
        end
    end
end

-- ---------------------------------------------------------------------------------------------------------
-- Statistics
-- ---------------------------------------------------------------------------------------------------------

-- Wireshark's statistics trees are not available to Lua. This tree is text: in a window of Wireshark, and after
-- the packets in tshark if the preference `p2pci.statistics` is set.
local statistics = {}

local FOUND = {
    method = Field.new("p2pci.method"),
    status = Field.new("p2pci.status"),
    time = Field.new("p2pci.time"),
    dialect = Field.new("p2pci.dialect"),
    section = Field.new("p2pci.section"),
    document = Field.new("p2pci.document.length"),
    record = Field.new("p2pci.record"),
}

function statistics.new()
    return { frames = 0, method = {}, status = {}, dialect = {}, section = {}, records = 0, documents = 0, bytes = 0,
        times = 0, time = 0, shortest = math.huge, longest = 0 }
end

local function count_values(counts, found)
    for _, info in ipairs({ found() }) do
        local key = tostring(info.value)
        counts[key] = (counts[key] or 0) + 1
    end
end

-- Counts one frame.
function statistics.frame(counts)
    counts.frames = counts.frames + 1
    for _, name in ipairs({ "method", "status", "dialect", "section" }) do
        count_values(counts[name], FOUND[name])
    end
    counts.records = counts.records + #{ FOUND.record() }
    for _, info in ipairs({ FOUND.document() }) do
        counts.documents = counts.documents + 1
        counts.bytes = counts.bytes + (tonumber(tostring(info.value)) or 0)
    end
    for _, info in ipairs({ FOUND.time() }) do
        local time = info.value:tonumber()
        counts.times, counts.time = counts.times + 1, counts.time + time
        counts.shortest, counts.longest = math.min(counts.shortest, time), math.max(counts.longest, time)
    end
end

local function branch(lines, title, counts)
    local keys, sum = {}, 0
    for key, count in pairs(counts) do
        keys[#keys + 1] = key
        sum = sum + count
    end
    table.sort(keys, function(one, other)
        if counts[one] ~= counts[other] then
            return counts[one] > counts[other]
        end
        return one < other
    end)
    lines[#lines + 1] = string.format("  %-38s %8d", title, sum)
    for _, key in ipairs(keys) do
        local part = 100 * counts[key] / sum
        lines[#lines + 1] = string.format("    %-36s %8d  %5.1f %%", grammar.shown(key), counts[key], part)
    end
end

function statistics.text(counts)
    local lines = { string.format("P2P-CI: %d frames", counts.frames) }
    branch(lines, "Requests by method", counts.method)
    branch(lines, "Responses by status", counts.status)
    branch(lines, "Violations by section of protocol.md", counts.section)
    branch(lines, "Forms of other programs", counts.dialect)
    lines[#lines + 1] = string.format("  %-38s %8d", "Records", counts.records)
    lines[#lines + 1] = string.format("  %-38s %8d  %.0f bytes", "Documents, and parts of documents",
        counts.documents, counts.bytes)
    if counts.times > 0 then
        lines[#lines + 1] = string.format("  Time until the response: shortest %.6f s, mean %.6f s, longest %.6f s",
            counts.shortest, counts.time / counts.times, counts.longest)
    end
    return table.concat(lines, "\n") .. "\n"
end

-- Counts the frames of the capture until `remove` is called on the listener.
local function listen(draw)
    local counts = statistics.new()
    local listener = Listener.new("frame", "p2pci")
    listener.packet = function()
        statistics.frame(counts)
    end
    listener.draw = function()
        draw(statistics.text(counts))
    end
    listener.reset = function()
        counts = statistics.new()
    end
    return listener
end

-- ---------------------------------------------------------------------------------------------------------
-- Menus of Wireshark
-- ---------------------------------------------------------------------------------------------------------

local function show_statistics()
    local window = TextWindow.new("P2P-CI statistics")
    local listener = listen(function(text)
        window:set(text)
    end)
    window:set_atclose(function()
        listener:remove()
    end)
    retap_packets()
end

local function ask_for_directory()
    new_dialog("Export P2P-CI documents", function(directory)
        export.directory = directory or ""
        local reload_capture = reload_packets or reload
        reload_capture()
    end, "Write documents to this directory")
end

if gui_enabled() then
    register_menu("P2P-CI/Statistics", show_statistics, MENU_TOOLS_UNSORTED)
    register_menu("P2P-CI/Export documents", ask_for_directory, MENU_TOOLS_UNSORTED)
end

-- ---------------------------------------------------------------------------------------------------------
-- Registration
-- ---------------------------------------------------------------------------------------------------------

p2pci.prefs.export = Pref.string("Export documents to", "",
    "A directory to which whole documents are written when a capture is read. Nothing is overwritten.")
p2pci.prefs.statistics = Pref.bool("Print statistics", false, "Print a statistics tree after the packets (tshark)")

local printer = nil

function p2pci.prefs_changed()
    export.directory = p2pci.prefs.export
    if p2pci.prefs.statistics and not printer and not gui_enabled() then
        printer = listen(print)
    elseif not p2pci.prefs.statistics and printer then
        printer:remove()
        printer = nil
    end
end

function p2pci.init()
    streams.reset()
end

local TCP_STREAM = Field.new("tcp.stream")

-- The stream of this frame, its sender and its receiver. Wireshark may have no values of fields when it reads a
-- capture first. Then the addresses and ports name the stream.
local function stream_of(pinfo)
    local sender = tostring(pinfo.src) .. " " .. pinfo.src_port
    local receiver = tostring(pinfo.dst) .. " " .. pinfo.dst_port
    local both = sender < receiver and sender .. " " .. receiver or receiver .. " " .. sender
    local numbers = { TCP_STREAM() }
    local number = numbers[#numbers]
    return streams.get(number and number.value or both), sender, receiver
end

-- The stream of this frame, and the side that sends. Port 7734 is the index server's; on other ports the first
-- bytes have shown who the client is.
local function side_of(pinfo, bytes)
    local stream, sender, receiver = stream_of(pinfo)
    if not stream.server_address then
        local is_response = framing.response_start(bytes, 1) == "yes"
        local is_from_server = pinfo.dst_port ~= PORT and (pinfo.src_port == PORT or is_response)
        stream.server_address = is_from_server and sender or receiver
    end
    return stream, stream.server_address == sender and stream.server or stream.client
end

-- A frame may have several calls, for reassembled bytes and for the rest of its segment. The position in the
-- frame tells them apart. The length does not name a call: later calls lack the bytes that it waited for.
local function key_of(tvb, pinfo)
    return string.format("%d %d", pinfo.number, tvb:offset())
end

-- The first reading of a segment.
local function receive(tvb, pinfo)
    local bytes = tvb:raw()
    local stream, side = side_of(pinfo, bytes)
    local is_cut = tvb:len() < tvb:reported_len()
    local call = streams.receive(stream, side, bytes, {
        frame = pinfo.number,
        time = pinfo.rel_ts,
        can_wait = pinfo.can_desegment > 0 and not is_cut,
    })
    call.is_first = stream.frame ~= pinfo.number or not stream.has_text
    stream.has_text = #call.items > 0 or not call.is_first
    stream.frame = pinfo.number
    export.call(call, call.prefix .. bytes)
    return call
end

function p2pci.dissector(tvb, pinfo, tree)
    if tvb:len() == 0 then
        return 0
    end
    local key = key_of(tvb, pinfo)
    local call = streams.calls[key]
    if not call then
        -- A frame before the one that has shown what this connection is.
        if pinfo.visited then
            return 0
        end
        call = receive(tvb, pinfo)
        streams.calls[key] = call
    end
    display.call(call, tvb, pinfo, tree)
    if call.wait and call.wait_from < tvb:len() then
        pinfo.desegment_offset = call.wait_from
        pinfo.desegment_len = call.wait
    end
    return tvb:len()
end

-- The longest beginning of a stream on another port that is kept until it shows whether it is P2P-CI.
local BEGINNING_LIMIT = 64

-- A heuristic for any port: a request or a status line of this protocol. The first segments may be shorter
-- than that, down to one byte.
local function is_p2pci(tvb, pinfo, tree)
    local key = key_of(tvb, pinfo)
    if streams.calls[key] then
        p2pci.dissector(tvb, pinfo, tree)
        return true
    end
    if pinfo.visited then
        return false
    end
    local data = tvb:raw(0, math.min(tvb:len(), LINE_LIMIT))
    local stream, sender, receiver = stream_of(pinfo)
    stream.beginnings = stream.beginnings or {}
    local is_over = stream.beginnings[sender] == false
    local before = stream.beginnings[sender] or ""
    local prefix = framing.length_prefix(before .. data, 1, framing.request_start) or 0
    local line = framing.line(before .. data, prefix + 1)
    local is_request = line:find("^%s*%u+ .*P2P%-?CI")
    local is_response = line:find("^P2P%-?CI[/%w%.%-]*%s+%d%d%d")
    if not is_request and not is_response then
        -- Only while the bytes can be the beginning of a request or a response.
        local start = not is_over and #before + #data <= BEGINNING_LIMIT and not line:find("[%z\1-\31\127-\255]")
            and (framing.request_start(line, 1) ~= "no" or framing.response_start(line, 1) ~= "no")
        stream.beginnings[sender] = start and before .. data or false
        return false
    end
    pinfo.conversation = p2pci
    if before ~= "" then
        local sent_by_server = is_response ~= nil
        local address = sent_by_server and sender or receiver
        stream.server_address = stream.server_address or address
        local side = stream.server_address == sender and stream.server or stream.client
        side.held = { bytes = before }
    end
    p2pci.dissector(tvb, pinfo, tree)
    return true
end

p2pci:register_heuristic("tcp", is_p2pci)
DissectorTable.get("tcp.port"):add(PORT, p2pci)
