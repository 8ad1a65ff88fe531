<#import "template.ftl" as layout>
<#assign session = social.session.context.authenticationSession>
<#-- Set by whoever runs this stack (keycloak/realm.ts); a client that registers itself cannot set it. -->
<#assign known = (client.attributes['drawbridge.managed']!'') == 'true'>
<#-- A stranger's text: no control characters, none that turn the writing direction, no towers of accents, no second line, none of
  the letters that look like nothing (Hangul fillers, the empty Braille pattern). Without a letter or a digit it is no name. -->
<#function plain text>
  <#local line = text?replace('[\\p{C}\\p{Z}\\u115F\\u1160\\u2800\\u3164\\uFFA0]+', ' ', 'r')?replace('(\\p{M}{2})\\p{M}+', '$1', 'r')?trim>
  <#if !line?matches('.*[\\p{L}\\p{N}].*')><#return ''></#if>
  <#return (line?length > 60)?then(line[0..<60] + '…', line)>
</#function>
<#assign name = plain(client.name!'')>
<#-- The id of a client that a metadata document describes is the URL of that document. -->
<#assign describer = client.clientId?matches('https?://.*')?then(client.clientId?keep_after('://')?keep_before('/'), '')>
<#function lasting seconds>
  <#if seconds gte 172800><#return (seconds / 86400)?floor + ' days'></#if>
  <#if seconds gte 7200><#return (seconds / 3600)?floor + ' hours'></#if>
  <#return (seconds / 60)?ceiling + ' minutes'>
</#function>
<@layout.registrationLayout; section>
<#if section == "header">
  Allow access?
<#elseif section == "form">
  <p>
    <#if known>The app<#else>An app that calls itself</#if>
    <bdi class="name" id="client-name">${name?has_content?then(name, client.clientId)}</bdi>
    asks to act for you, <strong><bdi>${session.authenticatedUser.username}</bdi></strong>, at ${realm.displayName}.
  </p>
  <#if !known && describer?has_content>
    <p class="message warning" id="unproven">It is <strong>${describer}</strong> that says so, and that vouches for where you will be sent. <strong>Nobody here has checked it.</strong> Allow it only if you trust that place, and have just started this yourself.</p>
  <#elseif !known>
    <p class="message warning" id="unproven">This app registered itself. Anyone can register an app under any name, so <strong>its name proves nothing</strong>. Allow it only if you have just started this yourself, and know the place below.</p>
  </#if>
  <h2>Where you will be sent</h2>
  <#assign scheme = session.redirectUri?keep_before(':')>
  <#assign host = session.redirectUri?keep_after('://')?replace('[/?#\\\\].*', '', 'rs')?replace('.*@', '', 'rs')>
  <p id="destination">
    <#if scheme == 'https'><strong>${host}</strong>
    <#elseif scheme == 'http' && host?matches(r'(localhost|127\.0\.0\.1|\[::1\])(:\d+)?')>A program on <strong>this device</strong> (${host})
    <#else>The app on <strong>this device</strong> that opens <strong>${scheme}://${host}</strong>
    </#if>
  </p>
  <h2>What it will be able to do</h2>
  <ul id="scopes">
    <#-- Keycloak has them in no order. What the servers allow comes first; only Keycloak's own texts are names of messages. -->
    <#assign asked = (oauth.clientScopesRequested![])?sort_by('consentScreenText')>
    <#list asked?filter(scope -> !scope.consentScreenText?starts_with(r'${')) + asked?filter(scope -> scope.consentScreenText?starts_with(r'${')) as scope>
      <#-- Ours (keycloak/consent.ts): the words, then scope and server on a second line. -->
      <#assign text = scope.consentScreenText?starts_with(r'${')?then(advancedMsg(scope.consentScreenText, lasting(social.realm.offlineSessionMaxLifespan)), scope.consentScreenText)>
      <li>${text?keep_before('\n')}<#if scope.parameterizedScopeParameter??>: ${scope.parameterizedScopeParameter}</#if><#if text?contains('\n')><small>${text?keep_after('\n')}</small></#if></li>
    </#list>
  </ul>
  <form action="${url.oauthAction}" method="post" class="choice">
    <input type="hidden" name="code" value="${oauth.code}">
    <button id="kc-login" name="accept" class="primary">Allow</button>
    <button id="kc-cancel" name="cancel">Do not allow</button>
  </form>
  <p class="next">If you did not start this, do not allow it: nothing will have happened.</p>
</#if>
</@layout.registrationLayout>
