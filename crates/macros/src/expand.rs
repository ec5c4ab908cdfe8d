//! The code that the attribute writes around a body.
//!
//! All of it but the user's own tokens is of the span `mixed_site`, so that no name of it meets one of the user's.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Ident, Lit, Path, Result};

use crate::args::Args;
use crate::function::{Function, Style, erased, mention, words};

/// The code of one function.
pub struct Expansion<'a> {
    args: &'a Args,
    function: &'a Function,
    krate: Path,
    style: Style,
}

/// Lints that a user cannot heed in code that they did not write.
fn allowed() -> TokenStream {
    quote_spanned!(Span::mixed_site()=>
        #[allow(
            unused_mut, unused_variables, unused_qualifications, clippy::all, clippy::pedantic,
            clippy::nursery, clippy::restriction
        )]
    )
}

impl<'a> Expansion<'a> {
    /// Checks the arguments against the function.
    pub fn new(args: &'a Args, function: &'a Function) -> Result<Expansion<'a>> {
        args.check()?;
        function.check()?;
        if args.expr("action").is_none() {
            let why = "`#[audited]` needs an action: `action = \"user.update\"`";
            return Err(Error::new(Span::call_site(), why));
        }
        for key in ["intent", "required", "err", "err_code", "denied_if"] {
            // A block may say of all its methods how errors are told, also of those that have none.
            let Some(span) = args.own_span(key).filter(|_| function.is_infallible()) else {
                continue;
            };
            let why = match key {
                "intent" | "required" => {
                    "what cannot be recorded is returned as an error: let the function return a \
                     `Result` whose error implements `From<RecordError>`"
                }
                _ => "it tells of errors, and this function returns none: let it return a `Result`",
            };
            return Err(Error::new(span, format!("`{key}` needs a function that can fail; {why}")));
        }
        let krate = args.path().cloned().unwrap_or_else(|| syn::parse_quote!(::indelible));
        Ok(Expansion { args, function, krate, style: function.style() })
    }

    /// The function with its audit.
    pub fn expand(&self) -> TokenStream {
        let body = match self.style {
            Style::Sync => self.sync_body(),
            Style::Async => self.async_body(),
            Style::Future { boxed } => self.future_body(boxed),
            Style::AsyncTrait => self.async_trait_body(),
        };
        let Function { attrs, vis, defaultness, sig, brace, inner, .. } = self.function;
        let mut tokens = quote!(#(#attrs)* #vis #defaultness #sig);
        brace.surround(&mut tokens, |tokens| tokens.extend(quote!(#(#inner)* #body)));
        tokens
    }

    fn sync_body(&self) -> TokenStream {
        let Expansion { krate, .. } = self;
        let (begin, end, body) = (self.begin(), self.end(), self.body());
        let ty = self.function.output().map(erased);
        // A closure, so that `return` and `?` end the body and not the audit.
        quote_spanned!(Span::mixed_site()=>
            #begin
            let outcome = #krate::attribute::once(|| -> #ty #body);
            #end
            outcome
        )
    }

    fn async_body(&self) -> TokenStream {
        let (begin, end, body, captures) = (self.begin(), self.end(), self.body(), self.captures());
        let ty = self.function.output().map(erased);
        // The branch never taken tells the compiler what the block returns, which it could not
        // find out of a `?`.
        quote_spanned!(Span::mixed_site()=>
            #begin
            let outcome = async #captures {
                #[allow(
                    unreachable_code, clippy::diverging_sub_expression, clippy::empty_loop,
                    clippy::let_unit_value, clippy::let_with_type_underscore,
                    clippy::needless_return, clippy::unreachable
                )]
                if false {
                    let never: #ty = loop {};
                    return never;
                }
                #body
            }
            .await;
            #end
            outcome
        )
    }

    /// For a function that returns a future: what the event tells is asked when it is called, and recorded when the
    /// future runs.
    fn future_body(&self, boxed: bool) -> TokenStream {
        let Expansion { krate, .. } = self;
        let (recorder, event) = (self.recorder(), self.event());
        let (end, body, allowed) = (self.end(), self.body(), allowed());
        let ty = match &self.function.sig.output {
            syn::ReturnType::Type(_, ty) => erased((**ty).clone()),
            syn::ReturnType::Default => syn::parse_quote!(()),
        };
        let begin = self.begin_with(
            &quote_spanned!(Span::mixed_site()=> &recorder),
            &quote_spanned!(Span::mixed_site()=> event),
        );
        let future = quote_spanned!(Span::mixed_site()=>
            async move {
                #begin
                let outcome = future.await;
                #end
                outcome
            }
        );
        let future = match boxed {
            true => quote_spanned!(Span::mixed_site()=> ::std::boxed::Box::pin(#future)),
            false => future,
        };
        quote_spanned!(Span::mixed_site()=>
            #allowed
            let (recorder, event) = (#krate::Recorder::clone(#recorder), #event);
            let future = #krate::attribute::once(|| -> #ty #body);
            #future
        )
    }

    fn async_trait_body(&self) -> TokenStream {
        let Some(inner) = self.function.async_body() else { return self.sync_body() };
        let (begin, end, captures) = (self.begin(), self.end(), self.captures());
        let body = inner.block;
        quote_spanned!(Span::mixed_site()=>
            ::std::boxed::Box::pin(async move {
                #begin
                let outcome = async #captures #body.await;
                #end
                outcome
            })
        )
    }

    fn body(&self) -> TokenStream {
        let mut tokens = TokenStream::new();
        let body = &self.function.body;
        self.function.brace.surround(&mut tokens, |tokens| body.to_tokens(tokens));
        tokens
    }

    /// Whether the future of the body takes its arguments with it. It does, so that it can be sent where it could be
    /// before; unless something is asked of the arguments after it.
    fn captures(&self) -> Option<TokenStream> {
        let arguments = self.function.arguments();
        let mut asked = false;
        words(self.told_after(), &mut |word| {
            asked |= arguments.contains(&word.to_string()) && word != "result";
        });
        (!asked).then(|| quote_spanned!(Span::mixed_site()=> move))
    }

    /// All that is asked after success.
    fn told_after(&self) -> TokenStream {
        let fields = self.args.fields("details_after").iter().map(|field| &field.value);
        let late = ["id", "name"].into_iter().filter(|key| self.is_late(key));
        let exprs = late.chain(["after"]).filter_map(|key| self.args.expr(key));
        quote!(#(#exprs)* #(#fields)*)
    }

    /// Whether an id or a name is known only from what was returned.
    fn is_late(&self, key: &str) -> bool {
        let asked = self.args.expr(key).and_then(|e| mention(e.to_token_stream(), "result"));
        asked.is_some() && !self.function.arguments().contains("result")
    }

    fn recorder(&self) -> TokenStream {
        let krate = &self.krate;
        match self.args.expr("recorder") {
            Some(recorder) => quote_spanned!(Span::mixed_site()=> &(#recorder)),
            None => quote_spanned!(Span::mixed_site()=> #krate::global()),
        }
    }

    fn begin(&self) -> TokenStream {
        self.begin_with(&self.recorder(), &self.event())
    }

    /// Makes `call`, the call in progress.
    fn begin_with(&self, recorder: &TokenStream, event: &TokenStream) -> TokenStream {
        let (krate, allowed) = (&self.krate, allowed());
        let Some(intent) = self.args.span("intent") else {
            return quote_spanned!(Span::mixed_site()=>
                #allowed
                let mut call = #krate::Call::begin(#recorder, #event);
            );
        };
        let wait = self.wait();
        let failed = returned(intent);
        quote_spanned!(Span::mixed_site()=>
            #allowed
            let begin = #krate::Recorder::begin(#recorder, #event.instrumented());
            #allowed
            let mut call = match begin #wait {
                ::core::result::Result::Ok(operation) => operation.into_call(),
                ::core::result::Result::Err(error) => #failed,
            };
        )
    }

    /// Waits for an answer of the recorder.
    fn wait(&self) -> TokenStream {
        match self.style {
            Style::Sync => quote_spanned!(Span::mixed_site()=> .wait()),
            _ => quote_spanned!(Span::mixed_site()=> .await),
        }
    }

    /// The event as far as it is known before the body runs.
    fn event(&self) -> TokenStream {
        let krate = &self.krate;
        let action = self.args.expr("action").map(|action| self.text(action));
        let mut steps = TokenStream::new();
        let mut step = |tokens: TokenStream| {
            steps.extend(quote_spanned!(Span::mixed_site()=> let event = #tokens;));
        };
        if let Some(category) = self.args.expr("category") {
            let category = self.text(category);
            step(quote_spanned!(Span::mixed_site()=> event.category(#category)));
        }
        if let Some(actor) = self.actor() {
            step(quote_spanned!(Span::mixed_site()=> event.actor(#actor)));
        }
        if let Some(kind) = self.args.expr("resource") {
            let early = |key| self.args.expr(key).filter(|_| !self.is_late(key));
            let kind = self.text(kind);
            let id = early("id").map_or_else(|| quote!(""), |id| self.text(id));
            let name = early("name").map(|name| self.text(name));
            let name = name.map(|name| quote_spanned!(Span::mixed_site()=> .name(#name)));
            step(quote_spanned!(Span::mixed_site()=>
                event.target_of(#krate::Target::new(#kind, #id)#name)
            ));
        }
        if let Some(trail) = self.args.expr("trail") {
            let trail = self.text(trail);
            step(quote_spanned!(Span::mixed_site()=> event.trail(#trail)));
        }
        if let Some(scope) = self.args.expr("scope") {
            step(quote_spanned!(Span::mixed_site()=> event.scope(&(#scope))));
        }
        if let Some(id) = self.args.expr("correlation_id") {
            let id = self.text(id);
            step(quote_spanned!(Span::mixed_site()=> #krate::attribute::correlated(event, #id)));
        }
        for field in self.args.fields("details") {
            let (key, value) = (&field.key, &field.value);
            step(quote_spanned!(Span::mixed_site()=> event.detail(#key, &(#value))));
        }
        if let Some(before) = self.args.expr("before") {
            step(quote_spanned!(Span::mixed_site()=> event.before(&(#before))));
        }
        quote_spanned!(Span::mixed_site()=> {
            let event = #krate::Event::new(#action);
            #steps
            event
        })
    }

    fn actor(&self) -> Option<TokenStream> {
        let krate = &self.krate;
        let made = |expr: &Expr| {
            let call = quote_spanned!(expr.span()=> .actor());
            quote_spanned!(Span::mixed_site()=> {
                use #krate::attribute::{ByReference as _, ByValue as _};
                (&&#krate::attribute::Given(&(#expr))) #call
            })
        };
        let actor = made(self.args.expr("actor")?);
        let principal = self.args.expr("on_behalf_of").map(made);
        let principal =
            principal.map(|actor| quote_spanned!(Span::mixed_site()=> .on_behalf_of(#actor)));
        Some(quote_spanned!(Span::mixed_site()=> #actor #principal))
    }

    /// A text of the event: a constant as it is, anything else as it is displayed.
    fn text(&self, expr: &Expr) -> TokenStream {
        let krate = &self.krate;
        match expr {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => quote!(#text),
            expr => quote_spanned!(Span::mixed_site()=> #krate::attribute::text(&(#expr))),
        }
    }

    /// Says how the call ended, from the `outcome`.
    fn end(&self) -> TokenStream {
        let (krate, allowed) = (&self.krate, allowed());
        let (success, failure) = (self.success(), self.failure());
        let split = quote_spanned!(Span::mixed_site()=> {
            use #krate::attribute::Plain as _;
            match #krate::attribute::Returned(&outcome).split() {
                ::core::result::Result::Ok(value) => { #success }
                ::core::result::Result::Err(error) => { #failure }
            }
        });
        let Some(required) = self.args.span("required") else {
            return quote_spanned!(Span::mixed_site()=> #allowed #split);
        };
        let (wait, failed) = (self.wait(), returned(required));
        quote_spanned!(Span::mixed_site()=>
            #allowed
            let ticket = #split;
            #allowed
            if let ::core::option::Option::Some(ticket) = ticket {
                if let ::core::result::Result::Err(error) = ticket #wait {
                    #failed
                }
            }
        )
    }

    /// What is told of a success, whose value is `value`.
    fn success(&self) -> TokenStream {
        let krate = &self.krate;
        if self.args.span("skip_ok").is_some() {
            return quote_spanned!(Span::mixed_site()=> call.forget(););
        }
        let told = self.told_after();
        // The name is the user's, so it must be found from where they wrote it.
        let span = mention(told.clone(), "result").unwrap_or_else(|| told.span());
        let result = Ident::new("result", span);
        let mut steps = quote_spanned!(Span::mixed_site()=> let #result = value;);
        let mut step = |value: &Expr, change: TokenStream| {
            steps.extend(quote_spanned!(Span::mixed_site()=>
                match &(#value) {
                    value => call.note(|event| #change),
                }
            ));
        };
        for (key, change) in [("id", "identified"), ("name", "named")] {
            let change = Ident::new(change, Span::mixed_site());
            if let Some(value) = self.args.expr(key).filter(|_| self.is_late(key)) {
                let text = quote_spanned!(Span::mixed_site()=> #krate::attribute::text(value));
                let change =
                    quote_spanned!(Span::mixed_site()=> #krate::attribute::#change(event, #text));
                step(value, change);
            }
        }
        for field in self.args.fields("details_after") {
            let key = &field.key;
            step(&field.value, quote_spanned!(Span::mixed_site()=> event.detail(#key, value)));
        }
        if let Some(after) = self.args.expr("after") {
            step(after, quote_spanned!(Span::mixed_site()=> event.after(value)));
        }
        let end = match self.args.span("required") {
            Some(_) => quote_spanned!(Span::mixed_site()=>
                ::core::option::Option::Some(call.success_durable())
            ),
            None => quote_spanned!(Span::mixed_site()=> call.success();),
        };
        quote_spanned!(Span::mixed_site()=> #steps #end)
    }

    /// What is told of an `error`.
    fn failure(&self) -> TokenStream {
        let krate = &self.krate;
        let message = match self.args.expr("err") {
            Some(how) => {
                quote_spanned!(Span::mixed_site()=> #krate::attribute::said(error, #how))
            }
            None => quote_spanned!(Span::mixed_site()=> {
                use #krate::attribute::{Mute as _, Pointing as _, Showing as _, Standard as _};
                (&&&&#krate::attribute::Fault(error)).message()
            }),
        };
        let code = self.args.expr("err_code").map(|how| {
            quote_spanned!(Span::mixed_site()=>
                let code = #krate::attribute::said(error, #how);
                call.note(|event| event.error_code(code));
            )
        });
        let end = match self.args.expr("denied_if") {
            None => quote_spanned!(Span::mixed_site()=> call.failure(message);),
            Some(how) => quote_spanned!(Span::mixed_site()=>
                if #krate::attribute::is(error, #how) {
                    call.note(|event| event.outcome(#krate::Outcome::Denied).error(message));
                    call.finish();
                } else {
                    call.failure(message);
                }
            ),
        };
        let nothing = self.args.span("required").map(|_| quote!(::core::option::Option::None));
        quote_spanned!(Span::mixed_site()=> let message = #message; #code #end #nothing)
    }
}

/// Returns the recorder's `error` from the function; what is wrong with its type is said at the flag that asks for it.
fn returned(flag: Span) -> TokenStream {
    let error = Ident::new("error", Span::mixed_site());
    let from = quote_spanned!(flag=> ::core::convert::From::from);
    quote_spanned!(Span::mixed_site()=> return ::core::result::Result::Err(#from(#error)))
}
