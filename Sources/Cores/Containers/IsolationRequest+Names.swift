extension IsolationRequest.Network {
    /// As records and reports name it: `bridge:web`, `container:ID`.
    public var reportName: String {
        switch self {
        case .none: "none"
        case .host: "host"
        case .container(let id): "container:\(id.text)"
        case .bridge(let request): "bridge:\(request.network)"
        case .plugins(let request): "cni:\(request.network)"
        }
    }
}

extension IsolationRequest.Seccomp {
    /// As records and reports name it: `standard`, `profile NAME`. A profile's content is left out.
    public var reportName: String {
        if case .profile(let name, _) = self { return "profile \(name)" }
        return "\(self)"
    }
}
