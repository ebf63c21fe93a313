import ClusterModel
public import Diagnostics

extension ProcessIO {
    /// The message of the protocol that carries it.
    public static let message = "mesos.v1.agent.ProcessIO"

    /// A record without its frame.
    ///
    /// - Throws: `Failure` `api.body-…`, `api.member-…`.
    public init(_ record: [UInt8], format: WireFormat = .json, bounds: WireBounds = .standard) throws(Failure) {
        try self.init(WireCodec.decode(record, as: ProcessIO.message, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) { self = try WireObject(value).processIO() }

    public var value: WireValue { WireValue.written { $0.processIO(self) } }

    /// A record of the stream, framed.
    public func record(_ format: WireFormat = .json) -> [UInt8] {
        guard format == .json else {
            return RecordFraming.record(WireCodec.encode(value, as: ProcessIO.message, format))
        }
        var sink = JSONSink()
        sink.object { $0.processIO(self) }
        return RecordFraming.record(sink.takeBytes())
    }
}

extension AttachInput {
    /// A record of the request, without its frame.
    ///
    /// - Throws: `Failure` `api.body-…`, `api.member-…`; `api.call-not-streamed` for another call, which is answered
    ///   with 415.
    public init(_ record: [UInt8], format: WireFormat = .json, bounds: WireBounds = .standard) throws(Failure) {
        try self.init(WireCodec.decode(record, as: AgentCall.message, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let call = try WireObject(value)
        let type = try call.required("type", call.string("type"))
        guard type == "ATTACH_CONTAINER_INPUT" else {
            guard ProtocolSchema.standard.hasType(type, AgentCall.message) else {
                throw WireObject.unknownCall(type, of: "agent's operator API")
            }
            throw Failure(
                "api.call-not-streamed", doing: "read the call",
                cause: "a stream of records is ATTACH_CONTAINER_INPUT, and this is \(type)",
                remedy: "send it as one message, with the Content-Type of that", field: "type")
        }
        let attach = try call.part("attach_container_input")
        switch try attach.required("type", attach.string("type")) {
        case "CONTAINER_ID":
            self = .container(try attach.required("container_id", attach.containerPath("container_id")))
        case "PROCESS_IO": self = .io(try attach.part("process_io").processIO())
        default: throw attach.invalid("type", "it is neither CONTAINER_ID nor PROCESS_IO")
        }
    }

    public var value: WireValue {
        WireValue.written { sink in
            sink.object("attach_container_input") { sink in
                switch self {
                case .container(let container):
                    sink.containerPath("container_id", container)
                    sink.member("type", "CONTAINER_ID")
                case .io(let io):
                    sink.object("process_io") { $0.processIO(io) }
                    sink.member("type", "PROCESS_IO")
                }
            }
            sink.member("type", "ATTACH_CONTAINER_INPUT")
        }
    }

    /// A record of the request, framed.
    public func record(_ format: WireFormat = .json) -> [UInt8] {
        RecordFraming.record(WireCodec.encode(value, as: AgentCall.message, format))
    }
}

extension WireSink {
    fileprivate mutating func processIO(_ io: ProcessIO) {
        switch io {
        case .data(let stream, let bytes):
            object("data") { sink in
                sink.member("data", bytes)
                sink.member("type", stream)
            }
            member("type", "DATA")
        case .resize(let size):
            object("control") { sink in
                sink.object("tty_info") { sink in sink.object("window_size") { $0.terminalSize(size) } }
                sink.member("type", "TTY_INFO")
            }
            member("type", "CONTROL")
        case .heartbeat(let interval):
            object("control") { sink in
                sink.object("heartbeat") { $0.duration("interval", interval) }
                sink.member("type", "HEARTBEAT")
            }
            member("type", "CONTROL")
        }
    }
}

extension WireObject {
    fileprivate func processIO() throws(Failure) -> ProcessIO {
        switch try required("type", string("type")) {
        case "DATA":
            let data = try part("data")
            return .data(
                try data.required("type", data.choice("type", of: ProcessIO.Stream.self)), try data.bytes("data") ?? [])
        case "CONTROL":
            let control = try part("control")
            switch try control.required("type", control.string("type")) {
            case "TTY_INFO": return .resize(try control.part("tty_info").part("window_size").terminalSize())
            case "HEARTBEAT": return .heartbeat(interval: try control.object("heartbeat")?.duration("interval"))
            default: throw control.invalid("type", "it is neither TTY_INFO nor HEARTBEAT")
            }
        default: throw invalid("type", "it is neither DATA nor CONTROL")
        }
    }
}
