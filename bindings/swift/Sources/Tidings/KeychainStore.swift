#if canImport(Security)
import Foundation
import Security

/// Keeps the client's key in the keychain, readable after the first unlock so that a notification extension can open the
/// inbox while the device is locked. Give the app and its extensions the same access group.
public struct KeychainStore: SecretStore {
    private let accessGroup: String?

    /// - Parameter accessGroup: shared by the app and its extensions; none keeps the key to the app.
    public init(accessGroup: String? = nil) {
        self.accessGroup = accessGroup
    }

    public func load(name: String) throws -> Data? {
        var query = place(of: name)
        query[kSecReturnData as String] = true
        query[kSecMatchLimit as String] = kSecMatchLimitOne
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        switch status {
        case errSecSuccess: return found as? Data
        case errSecItemNotFound: return nil
        default: throw KeychainError(status: status)
        }
    }

    public func save(name: String, secret: Data) throws {
        let place = place(of: name)
        var item = place
        item[kSecValueData as String] = secret
        item[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        var status = SecItemAdd(item as CFDictionary, nil)
        if status == errSecDuplicateItem {
            status = SecItemUpdate(place as CFDictionary, [kSecValueData as String: secret] as CFDictionary)
        }
        guard status == errSecSuccess else { throw KeychainError(status: status) }
    }

    private func place(of name: String) -> [String: Any] {
        var query: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: "tidings",
            kSecAttrAccount as String: name,
        ]
        if let accessGroup {
            query[kSecAttrAccessGroup as String] = accessGroup
        }
        return query
    }
}

/// The keychain's own word for what failed.
public struct KeychainError: Error, CustomStringConvertible {
    public let status: OSStatus

    public var description: String {
        SecCopyErrorMessageString(status, nil) as String? ?? "keychain error \(status)"
    }
}
#endif
