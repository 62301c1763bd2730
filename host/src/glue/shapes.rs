//! What WASI 0.2 and 0.3 have alike in `wasi:filesystem`, for the bindings of either.

/// How files are opened, and the error codes, of the module `types` of bindings.
#[doc(hidden)]
#[macro_export]
macro_rules! __filesystem_shapes {
    ($types:ident) => {
        /// The ways of opening that the component uses.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(super) enum OpenKind {
            Directory,
            /// No link to one.
            Subdirectory,
            New,
            Existing,
        }

        impl OpenKind {
            pub(super) fn from_flags(
                path: $types::PathFlags,
                open: $types::OpenFlags,
                access: $types::DescriptorFlags,
            ) -> Option<OpenKind> {
                use $types::{DescriptorFlags as Access, OpenFlags as Flags};

                let follows = path == $types::PathFlags::SYMLINK_FOLLOW;
                let is_one_of = |allowed: &[Access]| allowed.contains(&access);
                let mutate = Access::READ | Access::MUTATE_DIRECTORY;
                if open == Flags::DIRECTORY {
                    let kind = if follows { OpenKind::Directory } else { OpenKind::Subdirectory };
                    is_one_of(&[Access::empty(), Access::READ, Access::MUTATE_DIRECTORY, mutate])
                        .then_some(kind)
                } else if open == Flags::CREATE | Flags::EXCLUSIVE && !follows {
                    is_one_of(&[Access::WRITE]).then_some(OpenKind::New)
                } else if open == Flags::empty() && !follows {
                    is_one_of(&[Access::READ]).then_some(OpenKind::Existing)
                } else {
                    None
                }
            }
        }

        $crate::disk::__error_codes!($crate::__convert_error_codes; $types);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __convert_error_codes {
    ($types:ident $($(#[$doc:meta])* $variant:ident $name:literal $($errno:ident)*;)*) => {
        impl From<$crate::disk::ErrorCode> for $types::ErrorCode {
            fn from(code: $crate::disk::ErrorCode) -> Self {
                match code {
                    $($crate::disk::ErrorCode::$variant => Self::$variant,)*
                }
            }
        }
    };
}
