import ClusterModel
public import Diagnostics

// MARK: - Decoding

extension AgentCall {
    /// - Throws: `Failure` `api.body-…` when `body` is nothing within `bounds`, `api.member-…` or the value's own code
    ///   when it is no call, with the member at fault as the field; `api.call-unknown` for the type UNKNOWN, which is
    ///   answered with 501.
    public init(_ body: [UInt8], format: WireFormat = .json, bounds: WireBounds = .standard) throws(Failure) {
        try self.init(WireCodec.decode(body, as: AgentCall.message, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let call = try WireObject(value)
        let type = try call.required("type", call.string("type"))
        if let query = try call.agentQuery(type) {
            self = .query(query)
        } else if let process = try call.processCall(type) {
            self = .process(process)
        } else if let provider = ProviderCall(rawValue: type) {
            self = .provider(provider)
        } else if type == "PRUNE_IMAGES" {
            let images = try call.object("prune_images")?.list("excluded_images") { object throws(Failure) in
                try object.image()
            }
            self = .pruneImages(except: images ?? [])
        } else if let (container, form) = try call.containerCall(type) {
            self = .container(container, form: form)
        } else {
            throw WireObject.unknownCall(type, of: "agent's operator API")
        }
    }
}

extension WireObject {
    fileprivate func agentQuery(_ type: String) throws(Failure) -> AgentQuery? {
        switch type {
        case "GET_STATE": return .state
        case "GET_AGENT": return .agent
        case "GET_FRAMEWORKS": return .frameworks
        case "GET_EXECUTORS": return .executors
        case "GET_TASKS": return .tasks
        case "GET_OPERATIONS": return .operations
        case "GET_RESOURCE_PROVIDERS": return .providers
        case "GET_CONTAINERS":
            let containers = try object("get_containers")
            return .containers(
                showNested: try containers?.bool("show_nested") ?? false,
                showStandalone: try containers?.bool("show_standalone") ?? false)
        default: return nil
        }
    }

    fileprivate func containerCall(_ type: String) throws(Failure) -> (ContainerCall, ContainerCallForm)? {
        switch type {
        case "LAUNCH_NESTED_CONTAINER":
            return (.launch(try part("launch_nested_container").launchRequest(isNested: true)), .nested)
        case "LAUNCH_CONTAINER":
            return (.launch(try part("launch_container").launchRequest(isNested: false)), .any)
        case "WAIT_NESTED_CONTAINER":
            return (.wait(try part("wait_nested_container").ownContainer(isNested: true)), .nested)
        case "WAIT_CONTAINER": return (.wait(try part("wait_container").ownContainer()), .any)
        case "KILL_NESTED_CONTAINER":
            return (try part("kill_nested_container").kill(isNested: true), .nested)
        case "KILL_CONTAINER": return (try part("kill_container").kill(isNested: false), .any)
        case "REMOVE_NESTED_CONTAINER":
            return (.remove(try part("remove_nested_container").ownContainer(isNested: true)), .nested)
        case "REMOVE_CONTAINER": return (.remove(try part("remove_container").ownContainer()), .any)
        case "LAUNCH_NESTED_CONTAINER_SESSION":
            let session = try part("launch_nested_container_session")
            return (.launchSession(try session.launchRequest(isNested: true)), .nested)
        case "ATTACH_CONTAINER_INPUT":
            let attach = try part("attach_container_input")
            guard try attach.string("type") == "CONTAINER_ID" else {
                throw attach.invalid("type", "the first record is CONTAINER_ID")
            }
            return (.attachInput(try attach.ownContainer()), .any)
        case "ATTACH_CONTAINER_OUTPUT":
            return (.attachOutput(try part("attach_container_output").ownContainer()), .any)
        default: return nil
        }
    }

    /// `isNested`: a call that is only about containers inside others.
    fileprivate func ownContainer(isNested: Bool = false) throws(Failure) -> ContainerPath {
        let container = try required("container_id", containerPath("container_id"))
        guard container.isNested || !isNested else {
            throw invalid("container_id.parent", "a nested container has a parent")
        }
        return container
    }

    private func kill(isNested: Bool) throws(Failure) -> ContainerCall {
        let signal = try integer("signal", as: Int32.self) ?? 9
        guard (1...64).contains(signal) else { throw invalid("signal", "there is no such signal") }
        return .kill(try ownContainer(isNested: isNested), signal: signal)
    }

    private func launchRequest(isNested: Bool) throws(Failure) -> ContainerLaunchRequest {
        ContainerLaunchRequest(
            try ownContainer(isNested: isNested), command: try object("command")?.command(),
            spec: try object("container")?.containerSpec(), resources: try resources("resources"),
            limits: try limits())
    }
}

// MARK: - Encoding

extension AgentCall {
    /// The message of the protocol that carries it.
    public static let message = "mesos.v1.agent.Call"

    public var value: WireValue {
        WireValue.written { sink in
            sink.member("type", typeName)
            switch self {
            case .process(let call): sink.processCall(call)
            case .query(.containers(let showNested, let showStandalone)):
                sink.object("get_containers") { sink in
                    sink.member("show_nested", showNested)
                    sink.member("show_standalone", showStandalone)
                }
            case .pruneImages(let images):
                sink.object("prune_images") { sink in sink.objects("excluded_images", images) { $0.image($1) } }
            case .container(let call, _):
                sink.name(typeName.lowercased())
                sink.object { $0.containerCall(call) }
            case .query, .provider: break
            }
        }
    }

    /// The body.
    public func bytes(_ format: WireFormat = .json) -> [UInt8] {
        WireCodec.encode(value, as: AgentCall.message, format)
    }

    /// As the protocol has it: `GET_STATE`.
    public var typeName: String {
        switch self {
        case .process(let call): call.typeName
        case .query(let query): query.typeName
        case .container(let call, let form): call.typeName(form)
        case .pruneImages: "PRUNE_IMAGES"
        case .provider(let call): call.rawValue
        }
    }
}

extension AgentQuery {
    var typeName: String {
        switch self {
        case .state: "GET_STATE"
        case .agent: "GET_AGENT"
        case .frameworks: "GET_FRAMEWORKS"
        case .executors: "GET_EXECUTORS"
        case .tasks: "GET_TASKS"
        case .operations: "GET_OPERATIONS"
        case .providers: "GET_RESOURCE_PROVIDERS"
        case .containers: "GET_CONTAINERS"
        }
    }
}

extension ContainerCall {
    fileprivate func typeName(_ form: ContainerCallForm) -> String {
        let noun = form == .nested ? "NESTED_CONTAINER" : "CONTAINER"
        return switch self {
        case .launch: "LAUNCH_\(noun)"
        case .wait: "WAIT_\(noun)"
        case .kill: "KILL_\(noun)"
        case .remove: "REMOVE_\(noun)"
        case .launchSession: "LAUNCH_NESTED_CONTAINER_SESSION"
        case .attachInput: "ATTACH_CONTAINER_INPUT"
        case .attachOutput: "ATTACH_CONTAINER_OUTPUT"
        }
    }
}

extension WireSink {
    fileprivate mutating func containerCall(_ call: ContainerCall) {
        if case .launch(let request) = call { return launchRequest(request) }
        if case .launchSession(let request) = call { return launchRequest(request) }
        containerPath("container_id", call.container)
        if case .kill(_, let signal) = call { member("signal", signal) }
        if case .attachInput = call { member("type", "CONTAINER_ID") }
    }

    private mutating func launchRequest(_ request: ContainerLaunchRequest) {
        member("command", request.command.map(WireValue.command))
        container("container", request.spec)
        containerPath("container_id", request.container)
        limits("limits", request.limits)
        resources("resources", request.resources)
    }
}
