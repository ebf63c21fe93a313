/// What an agent keeps it says to each new master in one record, and one that no master reads is lost with all it runs.
/// So what goes into that record is counted when it is taken in, by what limits its reader: bytes and values.
extension WireValue {
    /// The part of `AgentLink.bounds` it takes: its bytes, or the bytes that go with so many values.
    public var linkCost: Int { max(bytesCount, AgentLink.bounds.bytes / AgentLink.bounds.values * valuesCount) }

    private var valuesCount: Int {
        switch self {
        case .array(let values): values.reduce(1) { $0 + $1.valuesCount }
        case .object(let members): members.reduce(1) { $0 + $1.value.valuesCount }
        default: 1
        }
    }
}
