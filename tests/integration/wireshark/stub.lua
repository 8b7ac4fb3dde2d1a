-- A stand-in for the part of Wireshark's API that the dissector uses, for Lua 5.4 without Wireshark. It checks
-- the types of arguments, gives the dissector a few segments, and prints the fields that it adds.
--
-- lua stub.lua DISSECTOR

local printed = {}

-- Types of fields, and what a value of each must be.
local CHECKS = {
    string = function(value) return type(value) == "string" end,
    bytes = function(value) return value == nil end,
    none = function(value) return value == nil end,
    bool = function(value) return type(value) == "boolean" end,
    uint16 = function(value) return math.type(value) == "integer" and value >= 0 and value <= 65535 end,
    uint32 = function(value) return math.type(value) == "integer" and value >= 0 and value <= 4294967295 end,
    uint64 = function(value) return type(value) == "table" and value.kind == "UInt64" end,
    framenum = function(value) return math.type(value) == "integer" end,
    relative_time = function(value) return type(value) == "table" and value.kind == "NSTime" end,
}

base = { NONE = 0 }
frametype = { REQUEST = 1, RESPONSE = 2 }
PI_ERROR, PI_WARN, PI_NOTE, PI_CHAT, PI_PROTOCOL, PI_COMMENTS_GROUP = 1, 2, 3, 4, 5, 6
MENU_TOOLS_UNSORTED = 0

function set_plugin_info(info) assert(type(info.version) == "string") end
function gui_enabled() return true end
function register_menu(name, action) assert(type(name) == "string" and type(action) == "function") end

ProtoField = setmetatable({}, {
    __index = function(_, kind)
        assert(CHECKS[kind], kind)
        return function(name, label)
            assert(name:find("^p2pci%.[%w_.]+$") and type(label) == "string")
            return { field = name, kind = kind }
        end
    end,
})
ProtoExpert = {
    new = function(name, text, group, severity)
        assert(name and text and group and severity)
        return { expert = name }
    end,
}
UInt64 = { new = function(text) assert(text:find("^%d+$")) return { kind = "UInt64", text = text } end }
NSTime = {
    new = function(seconds, nanoseconds)
        assert(math.type(seconds) == "integer" and math.type(nanoseconds) == "integer")
        return { kind = "NSTime" }
    end,
}
Field = { new = function(name) assert(type(name) == "string") return function() end end }
Pref = { string = function() return "" end, bool = function() return false end }

local added, heuristic = nil, nil
function Proto(name)
    assert(name == "p2pci")
    return { prefs = {}, register_heuristic = function(_, list, check)
        assert(list == "tcp")
        heuristic = check
    end }
end
DissectorTable = { get = function(name)
    assert(name == "tcp.port")
    return { add = function(_, port, proto) added = proto assert(port == 7734) end }
end }

-- Buffers.
local function tvb(bytes)
    return {
        len = function() return #bytes end,
        reported_len = function() return #bytes end,
        offset = function() return 0 end,
        raw = function(_, from, length)
            from = from or 0
            length = length or #bytes - from
            assert(from >= 0 and length >= 0 and from + length <= #bytes)
            return bytes:sub(from + 1, from + length)
        end,
        range = function(_, from, length)
            assert(math.type(from) == "integer" and math.type(length) == "integer")
            assert(from >= 0 and length >= 0 and from + length <= #bytes, from .. " " .. length .. " " .. #bytes)
            return { is_range = true }
        end,
    }
end
ByteArray = { new = function(bytes, is_raw) assert(is_raw) return { tvb = function() return tvb(bytes) end } end }

-- Trees.
local function item()
    local self = {}
    function self:add(field, range, value)
        if field.kind then
            if type(range) ~= "table" or not range.is_range then
                value = range
            end
            assert(CHECKS[field.kind](value), field.field .. " " .. tostring(value))
            local shown = type(value) == "table" and value.text or value
            printed[#printed + 1] = field.field .. "=" .. tostring(shown)
        else
            assert(range.is_range and type(value) == "string")
        end
        return item()
    end
    function self:set_generated() return self end
    function self:add_proto_expert_info(expert, text)
        assert(expert.expert and type(text) == "string")
        return self
    end
    return self
end

-- A frame of a capture. Returns how many bytes the dissector wants again, and what it wants more.
local number = 0
local function frame(from, to, bytes, is_heuristic, visited)
    number = visited or number + 1
    local column = { set = function(_, text) assert(type(text) == "string") end, fence = function() end }
    local is_client = from ~= 7734 and from ~= 4321
    local pinfo = {
        number = number, visited = visited ~= nil, src = is_client and "192.0.2.1" or "192.0.2.2",
        dst = is_client and "192.0.2.2" or "192.0.2.1", src_port = from,
        dst_port = to, rel_ts = number / 1000, can_desegment = 2, cols = { protocol = column, info = column },
    }
    local result
    if is_heuristic then
        result = heuristic(tvb(bytes), pinfo, item())
    else
        result = added.dissector(tvb(bytes), pinfo, item())
    end
    return pinfo, result
end

dofile(arg[1])
added.init()

local function expect(...)
    local all = "\n" .. table.concat(printed, "\n") .. "\n"
    for _, line in ipairs({ ... }) do
        assert(all:find("\n" .. line .. "\n", 1, true), line .. " is not in" .. all)
    end
    printed = {}
end

local list = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 5678\r\n\r\n"
frame(40000, 7734, list)
expect("p2pci.method=LIST", "p2pci.host=h", "p2pci.port=5678")
frame(7734, 40000, "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 A Title h 5678\r\nFILE a%20b.txt  h 80\r\n\r\n")
expect("p2pci.status=200", "p2pci.record.rfc=1", "p2pci.record.title=A Title", "p2pci.record.file=a b.txt",
    "p2pci.record.count=2", "p2pci.request_in=1")
frame(40000, 7734, list, false, 1)
expect("p2pci.response_in=2")
number = 2

-- Two segments of a message.
local pinfo = frame(40000, 7734, list:sub(1, 12))
assert(pinfo.desegment_offset == 0 and pinfo.desegment_len > 0 and #printed == 0)
frame(40000, 7734, list)
expect("p2pci.method=LIST")

-- An upload on another port, and a document of which the second part comes later.
local _, is_ours = frame(50000, 4321, "GET RFC 5 P2P-CI/1.0\r\nHost: h\r\nOS: x\r\n\r\n", true)
assert(is_ours)
expect("p2pci.method=GET", "p2pci.rfc=5")
local head = "P2P-CI/1.0 200 OK\r\nDate: x\r\nOS: x\r\nLast-Modified: x\r\nContent-Length: 6\r\nContent-Type: t\r\n\r\n"
pinfo = frame(4321, 50000, head .. "abc")
assert(pinfo.desegment_offset == #head and pinfo.desegment_len == 3)
expect("p2pci.content_length=6", "p2pci.section=2.7")
frame(4321, 50000, "abcdef")
expect("p2pci.document.length=6")
_, is_ours = frame(50001, 4322, "GET / HTTP/1.1\r\n\r\n", true)
assert(not is_ours)

-- Random bytes.
math.randomseed(21)
for port = 1000, 1400 do
    for _ = 1, 8 do
        local bytes = {}
        for at = 1, math.random(1, 60) do
            local pieces = { list, head, "RFC 1 t h 5\r\n", "\r\n", "~~~~~~~~~", "END\n", "QUIT", "0000000009", "\0\9" }
            bytes[at] = math.random(3) == 1 and pieces[math.random(#pieces)] or string.char(math.random(0, 255))
        end
        local is_client = math.random(2) == 1
        frame(is_client and port or 7734, is_client and 7734 or port, table.concat(bytes))
    end
end
print("all is well")
