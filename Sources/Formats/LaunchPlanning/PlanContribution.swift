/// What one isolator adds to a launch. Contributions are values; `PlanBuilder` orders and checks them together.
public struct PlanContribution: Equatable, Sendable {
    public var isolator: String
    public var namespaces: NamespaceSet = []
    /// Namespaces of another container to be born in.
    public var joined: NamespaceSet = []
    public var userMap: [IDMapping] = []
    public var groupMap: [IDMapping] = []
    public var timeOffsets: String?
    public var inControlGroup = false
    public var joinedFiles: [NamespaceFile] = []
    public var memoryScore: Int32?
    public private(set) var steps: [(stage: Stage, step: Step)] = []
    public private(set) var descriptors: [(name: DescriptorName, source: DescriptorSource)] = []

    public init(isolator: String) { self.isolator = isolator }

    public mutating func add(_ step: Step, at stage: Stage) { steps.append((stage, step)) }

    public mutating func open(_ name: DescriptorName, _ source: DescriptorSource) { descriptors.append((name, source)) }

    public static func == (left: PlanContribution, right: PlanContribution) -> Bool {
        left.isolator == right.isolator && left.namespaces == right.namespaces
            && left.joined == right.joined && left.userMap == right.userMap && left.groupMap == right.groupMap
            && left.timeOffsets == right.timeOffsets
            && left.inControlGroup == right.inControlGroup && left.joinedFiles == right.joinedFiles
            && left.memoryScore == right.memoryScore
            && left.steps.elementsEqual(right.steps) { $0.stage == $1.stage && $0.step == $1.step }
            && left.descriptors.elementsEqual(right.descriptors) { $0.name == $1.name && $0.source == $1.source }
    }
}
