import ClusterAPI
import Containers
import HTTPServing
import NIOHTTP1

/// How a call of the operator API comes, and how its answer is wanted.
struct CallForm: Sendable {
    /// Of the body, or of its records.
    var body: WireFormat
    /// The body is a stream of records.
    var isStreamed: Bool
    /// Of the answer, or of its records.
    var answer: WireFormat
    /// The client asked for a stream of records by name. Streams are answered without it too.
    var asksForRecords: Bool
    /// Of the output that is asked for. Our own: the protocol knows only what is said from now on.
    var outputStart: OutputStart

    /// - Throws: 400, 406 and 415 by the protocol's rules.
    init(_ headers: HTTPHeaders) throws(Negotiation.Refusal) {
        switch headers.first(name: AgentHeader.outputFrom) {
        case nil: outputStart = .now
        case AgentHeader.beginning?: outputStart = .beginning
        case let other?:
            throw Negotiation.Refusal(
                .text(.badRequest, "Expecting '\(AgentHeader.outputFrom)' to be '\(AgentHeader.beginning)': \(other)"))
        }
        let content = try Negotiation.contentType(headers, among: [.json, .protobuf, .recordio])
        isStreamed = content == .recordio
        body = WireFormat(isStreamed ? try Negotiation.messageContentType(headers) : content)
        let accepted = try Negotiation.accepted(headers, among: [.json, .protobuf, .recordio])
        asksForRecords = accepted == .recordio
        if asksForRecords {
            answer = WireFormat(try Negotiation.accepted(headers, header: "Message-Accept"))
        } else {
            answer = WireFormat(accepted)
            guard !headers.contains(name: "Message-Accept") else {
                throw Negotiation.Refusal(
                    .text(.notAcceptable, "Expecting 'Message-Accept' to be not set for this 'Accept'"))
            }
        }
    }

    /// For calls whose answer is one message.
    func checkAnswersPlain() throws(Negotiation.Refusal) {
        guard !asksForRecords else {
            throw Negotiation.Refusal(.text(.notAcceptable, "Streaming 'Accept' is for calls that answer a stream"))
        }
    }

    /// Of an answer that is a stream: without being asked for by name it goes by the type of its records.
    var streamHeaders: HTTPHeaders {
        asksForRecords
            ? ["Content-Type": MediaType.recordio.rawValue, "Message-Content-Type": answer.rawValue]
            : ["Content-Type": answer.rawValue]
    }
}

extension WireFormat {
    fileprivate init(_ type: MediaType) { self = type == .protobuf ? .protobuf : .json }
}
