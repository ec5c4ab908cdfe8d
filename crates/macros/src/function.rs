//! The function that the attribute stands on, as far as it must be understood. Its body stays the tokens that it is:
//! what is wrong in there the compiler says better.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, Error, Expr, ExprAsync, ExprPath, FnArg, GenericArgument, Ident, Pat,
    PathArguments, Result, ReturnType, Signature, Stmt, Token, Type, TypeParamBound, Visibility,
    braced, token,
};

/// A function with a body.
pub struct Function {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub defaultness: Option<Token![default]>,
    pub sig: Signature,
    pub brace: token::Brace,
    /// The attributes at the beginning of the body.
    pub inner: Vec<Attribute>,
    pub body: TokenStream,
}

/// How the body of a function is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// It is run when the function is called.
    Sync,
    /// It is an `async fn`.
    Async,
    /// The function gives a future: boxed, or as it is.
    Future { boxed: bool },
    /// What the attribute of the crate `async-trait` makes of an `async fn`.
    AsyncTrait,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Function> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let defaultness = input.parse()?;
        let start = input.fork();
        let sig: Signature = input.parse().map_err(|error| not_a_function(&start, error))?;
        if input.peek(Token![;]) {
            let why = "there is no body to audit: put the attribute where the function is \
                       implemented";
            return Err(Error::new(sig.ident.span(), why));
        }
        let content;
        let brace = braced!(content in input);
        let inner = content.call(Attribute::parse_inner)?;
        let body = content.parse()?;
        Ok(Function { attrs, vis, defaultness, sig, brace, inner, body })
    }
}

/// Says what the attribute stands on instead, if that can be told.
fn not_a_function(input: ParseStream<'_>, error: Error) -> Error {
    let Ok(word) = input.call(Ident::parse_any) else { return error };
    let what = match word.to_string().as_str() {
        "struct" | "enum" | "union" => "a type",
        "trait" => "a trait",
        "mod" => "a module",
        "const" | "static" => "a constant",
        "type" | "use" | "macro_rules" => "this",
        "let" => "a statement",
        _ => return error,
    };
    let why = format!(
        "{what} cannot be audited: `#[audited]` goes on a function, on a method, or on an `impl` \
         block"
    );
    Error::new(word.span(), why)
}

impl Function {
    /// Checks that it is one that can be audited.
    pub fn check(&self) -> Result<()> {
        if let Some(constness) = self.sig.constness {
            let why = "a `const fn` cannot be audited: it may run in the compiler, where nothing \
                       is recorded; remove `const`, or audit its caller";
            return Err(Error::new(constness.span(), why));
        }
        if let ReturnType::Type(_, ty) = &self.sig.output
            && matches!(**ty, Type::Never(_))
        {
            let why = "a function that never returns has no end to audit; audit what it calls";
            return Err(Error::new(ty.span(), why));
        }
        Ok(())
    }

    /// How its body is run.
    pub fn style(&self) -> Style {
        if self.sig.asyncness.is_some() {
            return Style::Async;
        }
        let ReturnType::Type(_, ty) = &self.sig.output else { return Style::Sync };
        match ty.as_ref() {
            Type::ImplTrait(of) if future(&of.bounds).is_some() => {
                let boxed = of.bounds.iter().any(|bound| is_trait(bound, "Unpin"));
                Style::Future { boxed }
            }
            other => match boxed_future(other) {
                Some(bounds) if self.is_async_trait(bounds) => Style::AsyncTrait,
                Some(_) => Style::Future { boxed: true },
                None if is_box_future(other) => Style::Future { boxed: true },
                None => Style::Sync,
            },
        }
    }

    /// Whether the attribute `async_trait` made it: it names a lifetime so.
    fn is_async_trait(&self, bounds: &Bounds) -> bool {
        let named = bounds.iter().any(|bound| match bound {
            TypeParamBound::Lifetime(lifetime) => lifetime.ident == "async_trait",
            _ => false,
        });
        named && self.async_body().is_some()
    }

    /// The body within the `Box::pin(async move { … })` that `async_trait` makes of a body.
    pub fn async_body(&self) -> Option<ExprAsync> {
        let mut block = TokenStream::new();
        self.brace.surround(&mut block, |tokens| tokens.extend(self.body.clone()));
        let mut block: Block = syn::parse2(block).ok()?;
        let Some(Stmt::Expr(Expr::Call(mut call), None)) = block.stmts.pop() else { return None };
        let is_pin = |path: &ExprPath| path.path.segments.last().is_some_and(|s| s.ident == "pin");
        match (call.func.as_ref(), call.args.pop()?.into_value()) {
            (Expr::Path(path), Expr::Async(body)) if block.stmts.is_empty() && is_pin(path) => {
                Some(body)
            }
            _ => None,
        }
    }

    /// What the body returns, if that was written down: the output of the future, if it gives one.
    pub fn output(&self) -> Option<Type> {
        let ReturnType::Type(_, ty) = &self.sig.output else {
            return Some(Type::Tuple(syn::parse_quote!(())));
        };
        match self.style() {
            Style::Sync | Style::Async => Some((**ty).clone()),
            Style::Future { .. } | Style::AsyncTrait => match ty.as_ref() {
                Type::ImplTrait(of) => future(&of.bounds).and_then(output_of),
                other => boxed_future(other).and_then(future).and_then(output_of),
            },
        }
    }

    /// Whether it surely returns no `Result`. A name that is not known may be another name of one.
    pub fn is_infallible(&self) -> bool {
        /// Types of the standard library that return values are often of.
        const PLAIN: [&str; 20] = [
            "Option", "Vec", "Box", "Arc", "Rc", "String", "bool", "char", "str", "u8", "u16",
            "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "f64",
        ];
        match self.output() {
            Some(Type::Path(path)) => {
                path.path.segments.last().is_some_and(|last| PLAIN.iter().any(|p| last.ident == *p))
            }
            Some(
                Type::Tuple(_)
                | Type::Reference(_)
                | Type::Array(_)
                | Type::ImplTrait(_)
                | Type::Never(_)
                | Type::Ptr(_)
                | Type::Slice(_)
                | Type::BareFn(_),
            ) => true,
            _ => false,
        }
    }

    /// The names of its arguments, `self` among them.
    pub fn arguments(&self) -> HashSet<String> {
        let mut names = HashSet::new();
        for input in &self.sig.inputs {
            match input {
                FnArg::Receiver(_) => {
                    names.insert("self".to_owned());
                }
                FnArg::Typed(typed) => bound_names(&typed.pat, &mut names),
            }
        }
        names
    }
}

/// Every name in a pattern; a few that are paths come along, which does no harm.
fn bound_names(pat: &Pat, names: &mut HashSet<String>) {
    words(pat.to_token_stream(), &mut |word| {
        names.insert(word.to_string());
    });
}

/// Calls this for each word in these tokens.
pub fn words(tokens: TokenStream, each: &mut impl FnMut(&Ident)) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => each(&ident),
            TokenTree::Group(group) => words(group.stream(), each),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Where these tokens have this word, or a text to be formatted that seems to name it: `"{word}"`.
pub fn mention(tokens: TokenStream, word: &str) -> Option<Span> {
    let mut literal = None;
    for token in tokens {
        let found = match token {
            TokenTree::Ident(ident) if ident == word => Some(ident.span()),
            TokenTree::Group(group) => mention(group.stream(), word),
            TokenTree::Literal(text) if text.to_string().contains(&format!("{{{word}")) => {
                literal = literal.or(Some(text.span()));
                None
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    literal
}

type Bounds = syn::punctuated::Punctuated<TypeParamBound, Token![+]>;

fn is_trait(bound: &TypeParamBound, name: &str) -> bool {
    let TypeParamBound::Trait(bound) = bound else { return false };
    bound.path.segments.last().is_some_and(|last| last.ident == name)
}

fn future(bounds: &Bounds) -> Option<&TypeParamBound> {
    bounds.iter().find(|bound| is_trait(bound, "Future"))
}

/// The `T` of `Future<Output = T>`.
fn output_of(future: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(future) = future else { return None };
    let PathArguments::AngleBracketed(arguments) = &future.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(of) if of.ident == "Output" => Some(of.ty.clone()),
        _ => None,
    })
}

/// The bounds of `Pin<Box<dyn Future<…> + …>>`.
fn boxed_future(ty: &Type) -> Option<&Bounds> {
    let Type::TraitObject(object) = argument_of(argument_of(ty, "Pin")?, "Box")? else {
        return None;
    };
    future(&object.bounds).map(|_| &object.bounds)
}

/// The `T` of `Name<T>`.
fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether it is what the crate `futures` calls a boxed future.
fn is_box_future(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "BoxFuture" || last.ident == "LocalBoxFuture")
}

/// The type as it may be written within a body: `impl Trait` may not, so the compiler finds out.
pub fn erased(mut ty: Type) -> Type {
    struct Erase;

    impl VisitMut for Erase {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if matches!(ty, Type::ImplTrait(_)) {
                *ty = syn::parse_quote!(_);
            } else {
                visit_mut::visit_type_mut(self, ty);
            }
        }
    }

    Erase.visit_type_mut(&mut ty);
    ty
}
