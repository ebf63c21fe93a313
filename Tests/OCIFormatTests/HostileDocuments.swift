import OCIFormat
import Testing

/// A document no reader may believe, and how it must be refused.
struct HostileDocument: Sendable, CustomTestStringConvertible {
    var name: String
    var content: [UInt8]
    var code: String
    var field: String?

    init(_ name: String, _ content: String, _ code: String, field: String? = nil) {
        self.init(name, bytes: Array(content.utf8), code, field: field)
    }

    init(_ name: String, bytes: [UInt8], _ code: String, field: String? = nil) {
        self.name = name
        content = bytes
        self.code = code
        self.field = field
    }

    var testDescription: String { name }
}

enum Sample {
    static let digest = "sha256:" + String(repeating: "a1", count: 32)

    static func config(_ members: String) -> String {
        #"{"os":"linux","architecture":"amd64","config":{\#(members)},"#
            + #""rootfs":{"type":"layers","diff_ids":["\#(digest)"]}}"#
    }

    static func descriptor(_ type: String, extra: String = "") -> String {
        #"{"mediaType":"\#(type)","digest":"\#(digest)","size":10\#(extra)}"#
    }

    static func manifest(
        config: String = descriptor(MediaType.ociConfiguration), layers: [String]? = nil, extra: String = ""
    ) -> String {
        let layers = layers ?? [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")]
        return #"{"schemaVersion":2,"config":\#(config),"layers":[\#(layers.joined(separator: ","))]\#(extra)}"#
    }
}
